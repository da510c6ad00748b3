/* SPDX-License-Identifier: ISC */
/* The reason of a failure, handed up to who can tell the user. */
#ifndef NET_WHY_H
#define NET_WHY_H

#include "util/text.h"

/* Adds to why, which may be NULL. Always -1, so that it can be returned. */
__attribute__((format(printf, 2, 3))) static inline int
why_add(struct text *why, const char *format, ...)
{
	va_list ap;

	if (why == NULL)
		return -1;
	va_start(ap, format);
	text_addv(why, format, ap);
	va_end(ap);
	return -1;
}

#endif
