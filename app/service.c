#include "app/service.h"

#include <assert.h>

#include "app/version.h"
#include "core/webhook_url.h"

static struct webhook_url_rules
webhook_urls(const struct settings *settings, bool http)
{
	struct webhook_url_rules rules = {.http = http};
	bool parsed =
	    webhook_ports_parse(text_of(settings->webhook_ports), &rules);

	assert(parsed); /* the setting's rule */
	rules.allow_private = settings->allow_private_webhooks != 0;
	return rules;
}

struct service
service_of(const struct settings *settings)
{
	return (struct service){
	    .public_url = text_of(settings->public_url),
	    .default_stable =
		settings->default_contract == DEFAULT_CONTRACT_STABLE,
	    .rate_card_merchant = (uint32_t)settings->rate_card_merchant,
	    .rate_card_api_keys = (uint32_t)settings->rate_card_api_keys,
	    .rate_stable_test = (uint32_t)settings->rate_stable_test,
	    .rate_stable_live = (uint32_t)settings->rate_stable_live,
	    .rate_address = (uint32_t)settings->rate_address,
	    .chains =
		{
		    [MODE_TEST] = {text_of(settings->chain_test),
			(uint32_t)settings->chain_test_id,
			text_of(settings->chain_test_token)},
		    [MODE_LIVE] = {text_of(settings->chain_live),
			(uint32_t)settings->chain_live_id,
			text_of(settings->chain_live_token)},
		},
	    .webhook_urls =
		{
		    [MODE_TEST] = webhook_urls(settings, true),
		    [MODE_LIVE] = webhook_urls(settings, false),
		},
	    .stable_signature_header =
		text_of(settings->stable_signature_header),
	    .version = TEXT(VERSION),
	};
}
