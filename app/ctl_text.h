/*
 * Records as text for people: times in ISO 8601, amounts with their currency,
 * `-` for what is absent, and nothing that a terminal would obey.
 */
#ifndef APP_CTL_TEXT_H
#define APP_CTL_TEXT_H

#include <stdio.h>

#include "base/text.h"
#include "base/time.h"
#include "core/records.h"

/* One such line, of what no record has. */
void text_print_line(FILE *file, const char *label, struct text value);

/* All fields, a line each. */
void text_print_object(
    FILE *file, struct instant now, enum kind kind, const void *record);

/* The main fields as a row of columns, and the heads of these. */
void text_print_head(FILE *file, enum kind kind);
void text_print_row(
    FILE *file, struct instant now, enum kind kind, const void *record);

/* An object's secret, with the warning that it is not shown again. */
void text_print_secret(FILE *file, enum kind kind, const char *secret);

#endif
