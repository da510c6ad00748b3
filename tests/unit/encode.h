/* SPDX-License-Identifier: ISC */
/* One UPDATE of attributes and prefixes, in one call. */
#ifndef ENCODE_H
#define ENCODE_H

#include "wire/wire.h"

/* As many of the prefixes as fit; how many. */
static inline unsigned
update_encode(struct buf *out, const struct wire_session *session,
    enum family family, const struct attr *attr, const struct prefix *prefixes,
    unsigned count)
{
	uint8_t bytes[UPDATE_SHARED_MAX];
	struct buf room = buf_writer(bytes, sizeof(bytes));
	struct update_shared shared;

	if (update_share(&room, session, family, attr, &shared) != 0)
		return 0;
	return update_encode_shared(out, session, &shared, prefixes, count);
}

#endif
