/* SPDX-License-Identifier: ISC */
/* BFD for neighbors: a failure ends the session at once (RFC 5882, RFC 9384). */

/*
 * The floor of BFD knows nothing of neighbors: each is a client of it and hears
 * of its session. Only a failure counts, that is, a session that was up and went
 * down without either end wishing it: a neighbor without BFD, or one that turns it
 * off, is a neighbor as before (RFC 5882 3.2). With `strict` no session is opened
 * before BFD is up.
 */
#include <stdio.h>
#include <string.h>

#include "bfd/bfd.h"
#include "peer/session.h"
#include "util/log.h"

static bool
liveness_is_wanted(const struct peer *peer)
{
	const struct neighbor *config = peer->config;

	return peer->peers->bfd != NULL && !peer->leaving &&
	       !config->shutdown &&
	       (config->bfd || config->bfd_strict ||
		   config->bfd_profile != NULL);
}

/* As FRR: a hop more than the wire between us, or the user says so. */
static bool
liveness_is_multihop(const struct peer *peer)
{
	const struct neighbor *config = peer->config;

	if (addr_is_link_local(&peer->addr))
		return false;
	if (config->multihop || config->security_hops > 1)
		return true;
	return (!peer->plan.ebgp || peer->plan.guest) &&
	       !iface_is_connected(&peer->addr);
}

/* RFC 5883 3: what is left of 255 after so many hops. */
static uint8_t
liveness_min_ttl(const struct neighbor *config)
{
	unsigned hops = 255;

	if (config->security_hops > 0)
		hops = config->security_hops;
	else if (config->multihop)
		hops = config->multihop_ttl;
	return (uint8_t)(256 - hops);
}

static void
liveness_ask(const struct peer *peer, struct bfd_ask *ask)
{
	const struct neighbor *config = peer->config;
	struct sock_options options;

	memset(ask, 0, sizeof(*ask));
	session_options(peer, &options);
	ask->peer = peer->addr;
	ask->local = options.source;
	ask->multihop = liveness_is_multihop(peer);
	if (ask->multihop)
		ask->knobs.min_ttl = liveness_min_ttl(config);
	if (config->interface != NULL)
		snprintf(ask->interface, sizeof(ask->interface), "%s",
		    config->interface);
	ask->profile = config->bfd_profile;
	ask->knobs.multiplier = config->bfd_multiplier;
	ask->knobs.rx_us = (uint32_t)(config->bfd_rx_ms * BFD_MS);
	ask->knobs.tx_us = (uint32_t)(config->bfd_tx_ms * BFD_MS);
}

/* Strict: may a session be opened? One that is there is not ended for it. */
static void
liveness_hold(struct peer *peer, bool holds)
{
	bool held = peer->bfd_holds;

	peer->bfd_holds = holds && peer->config->bfd_strict;
	if (held && !peer->bfd_holds)
		peer_start(peer);
}

static void
liveness_on_news(void *arg, const struct bfd_news *news)
{
	struct peer *peer = arg;
	struct notification error;

	liveness_hold(peer, news->state != BFD_UP && !news->peer_admin_down);
	if (!news->failed || peer->up == NULL)
		return;
	notification_set(&error, NOTIFY_CEASE, CEASE_BFD_DOWN, "%s", news->why);
	peer_end(peer, &error);
}

void
liveness_apply(struct peer *peer)
{
	struct bfd_ask ask;

	if (!liveness_is_wanted(peer)) {
		bfd_client_free(peer->bfd);
		peer->bfd = NULL;
		liveness_hold(peer, false);
		return;
	}
	liveness_ask(peer, &ask);
	if (peer->bfd == NULL)
		peer->bfd = bfd_client_new(
		    peer->peers->bfd, &ask, liveness_on_news, peer);
	else
		bfd_client_set(peer->bfd, &ask);
	liveness_hold(peer, bfd_client_state(peer->bfd) != BFD_UP);
}

void
peers_set_bfd(struct peers *peers, struct bfd *bfd)
{
	peers->bfd = bfd;
}
