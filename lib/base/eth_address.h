/*
 * Addresses of Ethereum and of the chains that share its form: the last 20
 * bytes of Keccak-256 of a public key, written as 0x and 40 hexadecimal
 * digits whose case is a checksum (EIP-55).
 */
#ifndef BASE_ETH_ADDRESS_H
#define BASE_ETH_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum {
	ETH_ADDRESS_BYTES = 20,
	/* 0x, two digits a byte, and a NUL. */
	ETH_ADDRESS_TEXT_BYTES = 2 + 2 * ETH_ADDRESS_BYTES + 1,
	/* A point of secp256k1: x and y, big-endian, without a leading 04. */
	ETH_PUBLIC_KEY_BYTES = 64,
};

struct eth_address {
	uint8_t bytes[ETH_ADDRESS_BYTES];
};

/* The address that the private key behind `point` can spend from. */
struct eth_address eth_address_of(const uint8_t point[ETH_PUBLIC_KEY_BYTES]);

/*
 * Nobody's address: tokens sent to it are lost, and most contracts refuse
 * it.  eth_address_parse() reads it; whoever wants to be paid refuses it.
 */
bool eth_address_is_zero(struct eth_address address);
bool eth_address_equal(struct eth_address a, struct eth_address b);

/* With EIP-55's checksum; a NUL follows. */
void eth_address_format(
    struct eth_address address, char to[ETH_ADDRESS_TEXT_BYTES]);
/*
 * Reads 0x and 40 digits whose letters are all small, all capital, or as
 * EIP-55 has them.  False otherwise, with *address untouched.
 */
bool eth_address_parse(struct text text, struct eth_address *address)
    __attribute__((warn_unused_result));

#endif
