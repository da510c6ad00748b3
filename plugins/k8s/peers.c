/* SPDX-License-Identifier: ISC */
/* The peers of the configuration as lines of bgpd.conf that this plugin owns. */

/*
 * As sessions of MetalLB v0.7.3: the neighbor is told our AS by
 * local-as, each its own, so no `router bgp ASN` is needed; keepalive is a
 * third of the hold time. The host says nothing to these neighbors but what is
 * offered, and gives them TTL 64.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

static void
peer_print(FILE *out, const struct config_peer *p, size_t number)
{
	char a[ADDR_LEN], id[ADDR_LEN];

	addr_text(&p->address, a);
	fprintf(out, " neighbor %s remote-as %u\n", a, p->peer_asn);
	fprintf(out, " neighbor %s local-as %u no-prepend replace-as\n", a,
	    p->my_asn);
	fprintf(out, " neighbor %s description MetalLB peer #%zu\n", a, number);
	if (p->port != 179)
		fprintf(out, " neighbor %s port %u\n", a, p->port);
	fprintf(out, " neighbor %s timers %u %u\n", a, p->hold_secs / 3,
	    p->hold_secs);
	if (p->router_id.family == 4)
		fprintf(out, " neighbor %s router-id %s\n", a,
		    addr_text(&p->router_id, id));
	if (p->password != NULL)
		fprintf(out, " neighbor %s password %s\n", a, p->password);
}

static void
families_print(
    FILE *out, const struct config *config, const size_t *taken, size_t count)
{
	static const char *const families[] = { "ipv4", "ipv6" };
	char a[ADDR_LEN];
	size_t f, i;

	for (f = 0; f < 2; f++) {
		fprintf(out, " address-family %s unicast\n", families[f]);
		for (i = 0; i < count; i++)
			fprintf(out, "  neighbor %s activate\n",
			    addr_text(&config->peers[taken[i]].address, a));
		fprintf(out, " exit-address-family\n");
	}
}

/* What makes a line of this peer impossible; NULL: nothing. */
static const char *
peer_fault(const struct config_peer *p)
{
	const char *c;

	for (c = p->password; c != NULL && *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "its password has a character that no line can "
			       "hold";
	}
	if (p->password != NULL && strlen(p->password) > 80)
		return "its password is longer than the 80 bytes of TCP-MD5";
	return NULL;
}

/* Is the peer for this node, and no other took its address? */
static bool
peer_fits(const struct config *config, size_t i, const size_t *taken,
    size_t count, FILE *faults)
{
	const struct config_peer *p = &config->peers[i];
	const char *why = peer_fault(p);
	char a[ADDR_LEN];
	size_t k;

	for (k = 0; k < count; k++) {
		if (!addr_same(&config->peers[taken[k]].address, &p->address))
			continue;
		fprintf(faults,
		    "peer #%zu has the address %s of peer #%zu: one session "
		    "is had with it, that of peer #%zu\n",
		    i + 1, addr_text(&p->address, a), taken[k] + 1,
		    taken[k] + 1);
		return false;
	}
	if (why != NULL)
		fprintf(faults, "peer #%zu (%s) is left out: %s\n", i + 1,
		    addr_text(&p->address, a), why);
	return why == NULL;
}

char *
peers_print(const struct config *config, const struct object_label *labels,
    size_t label_count, char **faults)
{
	char *text = NULL, *fault_text = NULL;
	size_t size, fault_size, i, count = 0;
	FILE *out = open_memstream(&text, &size);
	FILE *fault_out = open_memstream(&fault_text, &fault_size);
	size_t *taken = k8s_alloc((config->peer_count + 1) * sizeof(taken[0]));
	const struct config_peer *p;

	if (out == NULL || fault_out == NULL)
		abort();
	for (i = 0; i < config->peer_count; i++) {
		p = &config->peers[i];
		if (!selectors_match(
			p->selectors, p->selector_count, labels, label_count) ||
		    !peer_fits(config, i, taken, count, fault_out))
			continue;
		if (count == 0)
			fputs("router bgp\n", out);
		taken[count++] = i;
		peer_print(out, p, i + 1);
	}
	if (count > 0)
		families_print(out, config, taken, count);
	fclose(out);
	fclose(fault_out);
	free(taken);
	if (fault_size == 0) {
		free(fault_text);
		fault_text = NULL;
	}
	*faults = fault_text;
	return text;
}

/* Applying ------------------------------------------------------------------------ */

struct faults {
	struct cluster *cluster;
	FILE *out;
};

/* The text names no secret: the host masks them. */
static void
on_fault(void *arg, unsigned line, const char *text)
{
	struct faults *faults = arg;

	fprintf(faults->out, "line %u of the overlay: %s\n", line, text);
}

/* Logs each line once, as long as it stands. */
static void
faults_set(struct cluster *c, char *faults)
{
	char *line, *end;
	bool same = c->peer_faults != NULL && faults != NULL &&
		    strcmp(c->peer_faults, faults) == 0;

	for (line = faults; !same && line != NULL && *line != '\0';
	     line = end + 1) {
		end = strchrnul(line, '\n');
		say(c->guest, LOG_WARNING, "%.*s", (int)(end - line), line);
		if (*end == '\0')
			break;
	}
	free(c->peer_faults);
	c->peer_faults = faults;
}

/* The host is told when the lines differ from those it has. */
void
peers_apply(struct cluster *c)
{
	const struct object_node *self = cluster_self(c);
	char *lines, *own, *all = NULL;
	struct faults faults = { c, NULL };
	size_t size;
	int rc;

	lines = peers_print(c->config, self == NULL ? NULL : self->labels,
	    self == NULL ? 0 : self->label_count, &own);
	if (c->overlay != NULL && strcmp(lines, c->overlay) == 0) {
		free(lines);
		free(own);
		return;
	}
	faults.out = open_memstream(&all, &size);
	if (faults.out == NULL)
		abort();
	if (own != NULL)
		fputs(own, faults.out);
	free(own);
	rc = c->guest->host->overlay(c->guest->self, lines, on_fault, &faults);
	if (rc == -1)
		fprintf(faults.out,
		    "the daemon took none of the peers: the last stay\n");
	fclose(faults.out);
	faults_set(c, all);
	if (rc == -1) {
		free(lines);
		return;
	}
	free(c->overlay);
	c->overlay = lines;
}
