/* SPDX-License-Identifier: ISC */
/* Tables of number and name. */
#ifndef UTIL_NAMES_H
#define UTIL_NAMES_H

/* A table ends with a NULL name. */
struct name {
	int value;
	const char *name;
};

const char *name_of(const struct name *table, int value);  /* "unknown" */
int name_find(const struct name *table, const char *name); /* -1 */

#endif
