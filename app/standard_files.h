/*
 * Standard input, output and error of a program that was started without
 * them.  A file that it opens would get such a number, and what is meant for
 * people would be written into it: LMDB opens the store on the lowest free
 * descriptors.
 */
#ifndef APP_STANDARD_FILES_H
#define APP_STANDARD_FILES_H

#include <stdbool.h>

/*
 * Opens each of the three that is closed, in a way that reading the first and
 * writing the others go on failing with EBADF.  The first thing that main()
 * does.  False, with nobody to tell: the process must end.
 */
bool standard_files_open(void) __attribute__((warn_unused_result));

/*
 * Standard input was a socket that has another number now: closed here, as if
 * the program had been started without.  False, with errno.
 */
bool standard_files_drop_input(void) __attribute__((warn_unused_result));

#endif
