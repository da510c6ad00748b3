/* SPDX-License-Identifier: ISC */
/* Profiles and peers of the configuration, by the smallest change. */

/*
 * A `peer` line is a client that nobody hears: it keeps a session and says by
 * which knobs. Profiles are looked up by name whenever a session is refreshed, so
 * that one that is changed is agreed on anew by all who use it, and none goes down.
 */
#include <string.h>

#include "bfd/language.h"
#include "util/mem.h"

const struct bfd_line *
bfd_line_of(const struct cli_tree *tree)
{
	if (tree == NULL)
		return NULL;
	return (const struct bfd_line *)cli_next(
	    cli_tree_root(tree), &bfd_type, NULL);
}

static void
key_fill(const struct knob_lines *lines, struct bfd_key *key)
{
	static const uint8_t types[] = { BFD_AUTH_METICULOUS_SHA1,
		BFD_AUTH_SHA1, BFD_AUTH_SIMPLE };
	size_t len;

	if (lines->secret == NULL)
		return;
	len = strlen(lines->secret);
	key->type = types[lines->auth];
	key->id = lines->key_id;
	key->len = (uint8_t)(len < BFD_SECRET_MAX ? len : BFD_SECRET_MAX);
	memcpy(key->secret, lines->secret, key->len);
}

/* What was not said stays 0. */
static void
knobs_fill(const struct knob_lines *lines, struct bfd_knobs *knobs)
{
	memset(knobs, 0, sizeof(*knobs));
	knobs->tx_us = (uint32_t)(lines->tx_ms * BFD_MS);
	knobs->rx_us = (uint32_t)(lines->rx_ms * BFD_MS);
	knobs->multiplier = lines->multiplier;
	knobs->min_ttl = lines->min_ttl;
	knobs->passive = lines->passive;
	knobs->shutdown = lines->shutdown;
	knobs->log_changes = lines->log_changes;
	key_fill(lines, &knobs->key);
}

/* Profiles ------------------------------------------------------------------------ */

static void
profiles_clear(struct bfd *bfd)
{
	struct profile *profile;

	while ((profile = LIST_FIRST(&bfd->profiles)) != NULL) {
		LIST_REMOVE(profile, entry);
		mem_free(profile->name);
		explicit_bzero(profile, sizeof(*profile));
		mem_free(profile);
	}
}

static void
profiles_read(struct bfd *bfd, const struct bfd_line *line)
{
	struct bfd_profile_line *said;
	struct profile *profile;

	profiles_clear(bfd);
	if (line == NULL)
		return;
	CLI_EACH(said, &line->node, &bfd_profile_type)
	{
		profile = mem_alloc(sizeof(*profile));
		profile->name = mem_string(said->name);
		knobs_fill(&said->knobs, &profile->knobs);
		LIST_INSERT_HEAD(&bfd->profiles, profile, entry);
	}
}

bool
bfd_has_profile(const struct cli_node *node, const char *name)
{
	const struct bfd_line *line = bfd_line_of(cli_tree_of(node));
	struct bfd_profile_line *said;

	if (line == NULL)
		return false;
	CLI_EACH(said, &line->node, &bfd_profile_type)
	{
		if (strcmp(said->name, name) == 0)
			return true;
	}
	return false;
}

/* Peers ------------------------------------------------------------------------------ */

static void
line_ask(const struct bfd_peer_line *said, struct bfd_ask *ask)
{
	memset(ask, 0, sizeof(*ask));
	ask->peer = said->peer;
	ask->local = said->local;
	ask->multihop = said->multihop;
	if (said->interface != NULL)
		strncpy(ask->interface, said->interface,
		    sizeof(ask->interface) - 1);
	ask->profile = said->profile;
	knobs_fill(&said->knobs, &ask->knobs);
}

static struct line *
line_find(const struct bfd *bfd, const struct bfd_ask *ask)
{
	const struct bfd_ask *has;
	struct line *line;

	LIST_FOREACH (line, &bfd->lines, entry) {
		has = &line->client->ask;
		if (addr_equal(&has->peer, &ask->peer) &&
		    addr_equal(&has->local, &ask->local) &&
		    has->multihop == ask->multihop &&
		    strcmp(line->interface, ask->interface) == 0)
			return line;
	}
	return NULL;
}

static void
line_take(struct bfd *bfd, const struct bfd_peer_line *said)
{
	struct bfd_ask ask;
	struct line *line;

	line_ask(said, &ask);
	line = line_find(bfd, &ask);
	if (line != NULL) {
		bfd_client_set(line->client, &ask);
	} else {
		line = mem_alloc(sizeof(*line));
		memcpy(line->interface, ask.interface, sizeof(ask.interface));
		line->client = bfd_client_new(bfd, &ask, NULL, NULL);
		line->client->is_line = true;
		LIST_INSERT_HEAD(&bfd->lines, line, entry);
	}
	line->found = true;
	explicit_bzero(&ask.knobs.key, sizeof(ask.knobs.key));
}

static void
lines_drop_lost(struct bfd *bfd)
{
	struct line *line = LIST_FIRST(&bfd->lines), *next;

	for (; line != NULL; line = next) {
		next = LIST_NEXT(line, entry);
		if (line->found)
			continue;
		LIST_REMOVE(line, entry);
		bfd_client_free(line->client);
		mem_free(line);
	}
}

void
bfd_configure(struct bfd *bfd, const struct cli_tree *tree)
{
	const struct bfd_line *said = bfd_line_of(tree);
	struct bfd_peer_line *peer;
	struct session *session;
	struct line *line;

	profiles_read(bfd, said);
	LIST_FOREACH (line, &bfd->lines, entry)
		line->found = false;
	if (said != NULL) {
		CLI_EACH(peer, &said->node, &bfd_peer_type)
		{
			line_take(bfd, peer);
		}
	}
	lines_drop_lost(bfd);
	TAILQ_FOREACH (session, &bfd->sessions, entry)
		if (!session->ending)
			session_refresh(session);
}
