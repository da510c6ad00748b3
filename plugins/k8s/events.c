/* SPDX-License-Identifier: ISC */
/* What is said of a Service in events: by MetalLB's names, as dashboards know them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "publish.h"

#define CONTROLLER "metallb-controller"
#define SPEAKER	   "metallb-speaker"

static void
event_say(struct cluster *c, const struct service *s, const char *controller,
    const char *type, const char *reason, const char *action, const char *note)
{
	const char *slash = strchr(s->name, '/');
	char *space = strndup(s->name, (size_t)(slash - s->name));
	struct event event = {
		.api_version = "v1",
		.kind = "Service",
		.space = space,
		.name = slash + 1,
		.uid = s->object->uid,
		.version = s->object->version,
		.type = type,
		.reason = reason,
		.action = action,
		.note = note,
		.controller = controller,
	};

	if (space != NULL)
		recorder_say(publisher_recorder(c->publisher), &event);
	free(space);
}

static void
event_allocated(
    struct cluster *c, const struct service *s, const struct wish *wish)
{
	char note[64 + SERVICE_IPS * (ADDR_LEN + 4)] = "Assigned IP ";
	char text[ADDR_LEN];
	uint8_t i;

	for (i = 0; i < wish->count; i++)
		snprintf(note + strlen(note), sizeof(note) - strlen(note),
		    "%s\"%s\"", i > 0 ? ", " : "",
		    addr_text(&wish->addresses[i], text));
	event_say(c, s, CONTROLLER, "Normal", "IPAllocated", "Allocate", note);
}

static void
event_failed(struct cluster *c, const struct service *s, const char *why)
{
	char note[1024];

	snprintf(note, sizeof(note), "Failed to allocate IP for \"%s\": %s",
	    s->name, why);
	event_say(
	    c, s, CONTROLLER, "Warning", "AllocationFailed", "Allocate", note);
}

void
event_of_wish(
    struct cluster *c, const struct service *s, const struct wish *wish)
{
	if (wish->why != NULL)
		event_failed(c, s, wish->why);
	else if (wish->count > 0)
		event_allocated(c, s, wish);
}

void
event_of_rival(struct cluster *c, const struct service *s)
{
	event_say(c, s, CONTROLLER, "Warning", "StatusOverwritten", "Allocate",
	    "Somebody else writes the status of this Service again and again");
}

void
publish_conflict(
    struct cluster *c, struct service *s, const char *address, const char *to)
{
	char note[1024];

	s->conflict = true;
	snprintf(note, sizeof(note),
	    "%s is held by \"%s\" too, which is older: this Service gives it "
	    "up",
	    address, to);
	say(c->guest, LOG_WARNING, "AddressConflict: %s: %s", s->name, note);
	if (c->publisher != NULL && s->object != NULL)
		event_say(c, s, CONTROLLER, "Warning", "AddressConflict",
		    "Allocate", note);
}

/* Layer 2: who answers for an address, told by that node. */
void
event_of_carrying(
    struct cluster *c, const struct service *s, const char *protocol)
{
	char note[512];

	snprintf(note, sizeof(note),
	    "announcing from node \"%s\" with protocol \"%s\"",
	    c->settings->node, protocol);
	event_say(c, s, SPEAKER, "Normal", "nodeAssigned", "Announce", note);
}

void
event_of_stranger(struct cluster *c, const struct service *s,
    const struct bgpd_addr *addr, const uint8_t mac[6])
{
	char text[ADDR_LEN], hex[MAC_LEN], note[512];

	snprintf(note, sizeof(note),
	    "node \"%s\" hears %s answered by %s, which is none of our nodes",
	    c->settings->node, addr_text(addr, text), mac_text(mac, hex));
	event_say(
	    c, s, SPEAKER, "Warning", "AddressConflict", "Announce", note);
}
