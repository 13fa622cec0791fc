/*
 * The version that the programs print.
 */
#ifndef APP_VERSION_H
#define APP_VERSION_H

#define VERSION "0.1"

#endif
