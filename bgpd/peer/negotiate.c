/* SPDX-License-Identifier: ISC */
/* OPEN both ways: what we say, what we accept, what both agree on. */
#include <string.h>

#include "peer/session.h"

/* Never 0; the same on every start of this host. */
static uint32_t
negotiate_hash(const char *s)
{
	uint32_t hash = 2166136261u; /* FNV-1a: the table's hash is seeded */

	for (; *s != '\0'; s++)
		hash = (hash ^ (uint8_t)*s) * 16777619u;
	return hash == 0 ? 1 : hash;
}

uint32_t
negotiate_router_id(const struct session *session)
{
	const struct peer *peer = session->peer;
	struct addr addr;

	if (peer->plan.router_id != 0)
		return peer->plan.router_id;
	if (session->local.family == AF_INET)
		return addr_to_v4(&session->local);
	if (iface_router_id(&addr) == 0)
		return addr_to_v4(&addr);
	return negotiate_hash(peer->peers->hostname);
}

void
negotiate_open(const struct session *session, struct open *ours)
{
	const struct peer *peer = session->peer;

	memset(ours, 0, sizeof(*ours));
	ours->version = 4;
	ours->asn = peer->plan.local_as;
	ours->hold_secs = peer->plan.hold_secs;
	ours->router_id = negotiate_router_id(session);
	ours->capabilities = CAP_FAMILIES | CAP_REFRESH | CAP_AS4;
	memcpy(ours->families, peer->plan.families, sizeof(ours->families));
	memcpy(ours->hostname, peer->peers->hostname, sizeof(ours->hostname));
	if (ours->hostname[0] != '\0')
		ours->capabilities |= CAP_HOSTNAME;
}

static bool
negotiate_has_family(const struct plan *plan, const struct open *theirs)
{
	unsigned i;

	for (i = 0; i < FAMILY_COUNT; i++)
		if (plan->families[i] && theirs->families[i])
			return true;
	return false;
}

/* RFC 5492 5: the capabilities that we miss are the data. */
static void
negotiate_name_families(const struct plan *plan, struct notification *error)
{
	unsigned i;
	uint8_t *p;

	for (i = 0; i < FAMILY_COUNT; i++) {
		if (!plan->families[i])
			continue;
		p = error->data + error->data_len;
		p[0] = 1; /* multiprotocol, RFC 4760 8 */
		p[1] = 4;
		p[2] = (uint8_t)(family_info[i].afi >> 8);
		p[3] = (uint8_t)family_info[i].afi;
		p[4] = 0;
		p[5] = family_info[i].safi;
		error->data_len = (uint16_t)(error->data_len + 6);
	}
}

static bool
negotiate_is_expected_as(const struct plan *plan, uint32_t asn)
{
	if (plan->remote_as != 0)
		return asn == plan->remote_as;
	return asn != plan->local_as;
}

int
negotiate_check(struct session *session, const struct open *theirs,
    struct notification *error)
{
	const struct plan *plan = &session->peer->plan;

	if (!negotiate_is_expected_as(plan, theirs->asn)) {
		notification_set(error, NOTIFY_OPEN, 2,
		    "it says AS %u, expected is %s%u", theirs->asn,
		    plan->remote_as != 0 ? "AS " : "another than AS ",
		    plan->remote_as != 0 ? plan->remote_as : plan->local_as);
		return -1;
	}
	/* RFC 6286 2.2: the same identifier is wrong inside one AS. */
	if (theirs->router_id == 0 ||
	    (theirs->asn == plan->local_as &&
		theirs->router_id == negotiate_router_id(session))) {
		notification_set(error, NOTIFY_OPEN, 3,
		    "it has our router-id: give one of the two another");
		return -1;
	}
	if (!negotiate_has_family(plan, theirs)) {
		notification_set(error, NOTIFY_OPEN, 7,
		    "no address family that both have activated");
		negotiate_name_families(plan, error);
		return -1;
	}
	return 0;
}

static uint16_t
least(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

void
negotiate_agree(struct session *session, const struct open *theirs)
{
	const struct plan *plan = &session->peer->plan;
	unsigned i;

	session->theirs = *theirs;
	session->router_id = negotiate_router_id(session);
	session->wire.as4 = (theirs->capabilities & CAP_AS4) != 0;
	session->wire.ebgp = plan->ebgp;
	session->wire.extended = false;
	for (i = 0; i < FAMILY_COUNT; i++)
		session->families[i] = plan->families[i] && theirs->families[i];
	/* RFC 4271 4.2: the smaller; a third of it between two KEEPALIVEs. */
	session->hold_secs = least(plan->hold_secs, theirs->hold_secs);
	session->keepalive_secs = session->hold_secs / 3;
	if (plan->keepalive_secs != 0)
		session->keepalive_secs =
		    least(session->keepalive_secs, plan->keepalive_secs);
	if (session->keepalive_secs == 0)
		session->keepalive_secs = 1;
}
