/* SPDX-License-Identifier: ISC */
/* One session for all who watch a peer: who shares it, and by which knobs. */
#include <string.h>

#include "bfd/session.h"

const struct profile *
profile_find(const struct bfd *bfd, const char *name)
{
	const struct profile *profile;

	LIST_FOREACH (profile, &bfd->profiles, entry)
		if (name != NULL && strcmp(profile->name, name) == 0)
			return profile;
	return NULL;
}

static bool
addrs_suit(const struct addr *a, const struct addr *b)
{
	return a->family == 0 || b->family == 0 || addr_equal(a, b);
}

bool
setup_suits(const struct link_setup *setup, const struct link_setup *ask)
{
	return addr_equal(&setup->peer, &ask->peer) &&
	       setup->multihop == ask->multihop &&
	       addrs_suit(&setup->local, &ask->local) &&
	       (setup->interface[0] == '\0' || ask->interface[0] == '\0' ||
		   strcmp(setup->interface, ask->interface) == 0);
}

/* 0 is not said. */
static uint32_t
smaller_said(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a != 0 ? a : b;
	return a < b ? a : b;
}

/* Fills what `knobs` leaves open. */
static void
knobs_inherit(struct bfd_knobs *knobs, const struct bfd_knobs *from)
{
	if (knobs->tx_us == 0)
		knobs->tx_us = from->tx_us;
	if (knobs->rx_us == 0)
		knobs->rx_us = from->rx_us;
	if (knobs->multiplier == 0)
		knobs->multiplier = from->multiplier;
	/* The stricter one: a client may only know how far it could be. */
	if (knobs->min_ttl < from->min_ttl)
		knobs->min_ttl = from->min_ttl;
	if (knobs->key.type == BFD_AUTH_NONE)
		knobs->key = from->key;
	knobs->passive |= from->passive;
	knobs->shutdown |= from->shutdown;
	knobs->log_changes |= from->log_changes;
}

/* Adds what one more client asks for. */
static void
knobs_join(struct bfd_knobs *all, const struct bfd_knobs *one)
{
	all->tx_us = smaller_said(all->tx_us, one->tx_us);
	all->rx_us = smaller_said(all->rx_us, one->rx_us);
	all->multiplier =
	    (uint8_t)smaller_said(all->multiplier, one->multiplier);
	if (all->min_ttl < one->min_ttl)
		all->min_ttl = one->min_ttl;
	if (all->key.type == BFD_AUTH_NONE)
		all->key = one->key;
	all->passive |= one->passive;
	all->shutdown |= one->shutdown;
	all->log_changes |= one->log_changes;
}

static const struct bfd_knobs usual = { .tx_us = DEFAULT_US,
	.rx_us = DEFAULT_US,
	.multiplier = DEFAULT_MULTIPLIER };

/*
 * What one client asks for. Who says anything of times means all of them: a
 * longer time of another one is not to slow it down. Who says nothing takes what
 * the others ask for.
 */
static void
client_ask(const struct bfd_client *client, struct bfd_knobs *one)
{
	const struct profile *profile =
	    profile_find(client->session->bfd, client->profile);

	*one = client->ask.knobs;
	if (profile != NULL)
		knobs_inherit(one, &profile->knobs);
	if (one->tx_us != 0 || one->rx_us != 0 || one->multiplier != 0)
		knobs_inherit(one, &usual);
}

static uint32_t
at_least(uint32_t value, uint32_t least)
{
	return value < least ? least : value;
}

void
session_merge(const struct session *session, struct bfd_knobs *knobs)
{
	const struct bfd_client *client;
	struct bfd_knobs one;

	memset(knobs, 0, sizeof(*knobs));
	LIST_FOREACH (client, &session->clients, entry) {
		client_ask(client, &one);
		knobs_join(knobs, &one);
	}
	knobs_inherit(knobs, &usual);
	if (knobs->min_ttl == 0)
		knobs->min_ttl = DEFAULT_MIN_TTL;
	knobs->tx_us = at_least(knobs->tx_us, LEAST_US);
	knobs->rx_us = at_least(knobs->rx_us, LEAST_US);
}
