/* SPDX-License-Identifier: ISC */
/* MetalLB's ConfigMap text (v0.7.3) to structs, as strictly as its own parser. */

/*
 * One table of keys per mapping. What is not in it, is said twice or has the
 * wrong type is an error with its place; reading goes on after it, so that one
 * run names all of them. What the values mean together is metallb_check.c's.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "pools.h"

#define VISITS_MAX 1000000 /* an alias may be visited many times */
#define TEXT_MAX   (4u << 20)

struct reader {
	yaml_document_t *document;
	struct report *report;
	unsigned visits;
	unsigned depth;
	const char *list; /* "peer", "address pool": what holds the place */
	size_t entry; /* from 1; 0: none */
};

/* One key of a mapping: how its value is read, and where it goes. */
struct key {
	const char *name;
	void (*read)(struct reader *r, yaml_node_t *node, void *to);
	size_t offset;
};

void
report_add(struct report *report, bool is_error, const char *format, ...)
{
	char **text = is_error ? &report->errors : &report->warnings;
	size_t len = *text != NULL ? strlen(*text) : 0;
	char line[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	*(is_error ? &report->error_count : &report->warning_count) += 1;
	if (len > 64 * 1024)
		return; /* enough is enough; the count goes on */
	*text = k8s_grow(*text, len + strlen(line) + 2);
	sprintf(*text + len, "%s\n", line);
}

void
report_clear(struct report *report)
{
	free(report->errors);
	free(report->warnings);
	memset(report, 0, sizeof(*report));
}

static void
fault_at(struct reader *r, const yaml_node_t *node, bool is_error,
    const char *format, ...)
{
	char text[320], where[64] = "";
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (r->entry > 0)
		snprintf(where, sizeof(where), "%s #%zu: ", r->list, r->entry);
	report_add(r->report, is_error, "line %zu, column %zu: %s%s",
	    node->start_mark.line + 1, node->start_mark.column + 1, where,
	    text);
}

static const char *
node_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static bool
node_is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE &&
	    node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool
word_is(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasecmp(text, *words) == 0)
			return true;
	}
	return false;
}

static bool
node_is_null(const yaml_node_t *node)
{
	static const char *const words[] = { "", "~", "null", NULL };

	return node_is_plain(node) && word_is(node_text(node), words);
}

/* Scalars ---------------------------------------------------------------------- */

static void
text_read(struct reader *r, yaml_node_t *node, void *to)
{
	if (node->type != YAML_SCALAR_NODE) {
		fault_at(r, node, true, "text is wanted here");
		return;
	}
	if (strlen(node_text(node)) != node->data.scalar.length) {
		fault_at(r, node, true, "text with a zero byte in it");
		return;
	}
	free(*(char **)to);
	*(char **)to = k8s_copy(node_text(node));
}

/* A whole number of YAML 1.1 in [min, max]. */
static bool
number_read(struct reader *r, yaml_node_t *node, long long min, long long max,
    long long *value)
{
	const char *text = node->type == YAML_SCALAR_NODE ? node_text(node) : "";
	char digits[40], *p = digits, *end = digits;
	int base = 10;
	size_t i;

	for (i = 0; text[i] != '\0' && i < sizeof(digits) - 1; i++) {
		if (text[i] != '_' || i == 0)
			*p++ = text[i];
	}
	*p = '\0';
	p = digits + (*digits == '-' || *digits == '+');
	if (p[0] == '0' && p[1] != '\0')
		base = p[1] == 'x' ? 16 : p[1] == 'b' ? 2 : 8;
	errno = 0;
	if (node_is_plain(node) && *p >= '0' && *p <= '9' && i < 39) {
		if (base == 2)
			memmove(p, p + 2, strlen(p + 2) + 1);
		*value = strtoll(digits, &end, base);
	}
	if (end == digits || *end != '\0') {
		fault_at(r, node, true, "a whole number is wanted here%s",
		    node_is_plain(node) ? "" : ", without quotes");
		return false;
	}
	if (errno != 0 || *value < min || *value > max) {
		fault_at(r, node, true, "%s is not a number of %lld-%lld", text,
		    min, max);
		return false;
	}
	return true;
}

static void
u32_read(struct reader *r, yaml_node_t *node, void *to)
{
	long long value;

	if (number_read(r, node, 0, UINT32_MAX, &value))
		*(uint32_t *)to = (uint32_t)value;
}

static void
u16_read(struct reader *r, yaml_node_t *node, void *to)
{
	long long value;

	if (number_read(r, node, 0, UINT16_MAX, &value))
		*(uint16_t *)to = (uint16_t)value;
}

static void
int_read(struct reader *r, yaml_node_t *node, void *to)
{
	long long value;

	if (number_read(r, node, INT64_MIN, INT64_MAX, &value))
		*(int64_t *)to = value;
}

static void
bool_read(struct reader *r, yaml_node_t *node, void *to)
{
	static const char *const yes[] = { "y", "yes", "on", "true", NULL };
	static const char *const no[] = { "n", "no", "off", "false", NULL };

	if (node_is_plain(node) && word_is(node_text(node), yes))
		*(bool *)to = true;
	else if (node_is_plain(node) && word_is(node_text(node), no))
		*(bool *)to = false;
	else
		fault_at(r, node, true, "true or false is wanted here");
}

/* The user's own document says 120: seconds, which 0.7.3 itself refuses. */
static void
hold_read(struct reader *r, yaml_node_t *node, void *to)
{
	const char *why;
	bool is_bare;

	if (node->type != YAML_SCALAR_NODE) {
		fault_at(r, node, true, "a duration is wanted here");
		return;
	}
	why = duration_read(node_text(node), to, &is_bare);
	if (why != NULL)
		fault_at(r, node, true, "invalid hold time \"%s\": it %s",
		    node_text(node), why);
	else if (is_bare && *(int64_t *)to != 0)
		fault_at(r, node, false,
		    "hold-time %s has no unit and is taken as seconds: write "
		    "%ss",
		    node_text(node), node_text(node));
}

/* Mappings and lists -------------------------------------------------------------- */

static bool
visit(struct reader *r, yaml_node_t *node)
{
	if (++r->visits == VISITS_MAX)
		fault_at(r, node, true, "too many values");
	return r->visits < VISITS_MAX;
}

static const struct key *
key_find(const struct key *keys, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static void
keys_list(const struct key *keys, size_t count, char *out, size_t size)
{
	size_t i, used = 0;

	for (i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s",
		    i > 0 ? ", " : "", keys[i].name);
}

static void
pair_read(struct reader *r, const struct key *keys, size_t count,
    yaml_node_t *name, yaml_node_t *value, uint64_t *seen, void *to)
{
	const struct key *key = NULL;
	char all[200];

	if (name->type == YAML_SCALAR_NODE)
		key = key_find(keys, count, node_text(name));
	if (key == NULL) {
		keys_list(keys, count, all, sizeof(all));
		fault_at(r, name, true, "unknown field %s; there are: %s",
		    name->type == YAML_SCALAR_NODE ? node_text(name) : "(none)",
		    all);
		return;
	}
	if (*seen >> (key - keys) & 1) {
		fault_at(r, name, true, "%s is said twice", key->name);
		return;
	}
	*seen |= (uint64_t)1 << (key - keys);
	if (!node_is_null(value))
		key->read(r, value, (char *)to + key->offset);
}

static void
mapping_read(struct reader *r, yaml_node_t *node, const struct key *keys,
    size_t count, void *to)
{
	yaml_node_pair_t *pair;
	uint64_t seen = 0;

	if (node->type != YAML_MAPPING_NODE) {
		fault_at(r, node, true, "a mapping (key: value) is wanted here");
		return;
	}
	for (pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && visit(r, node); pair++)
		pair_read(r, keys, count,
		    yaml_document_get_node(r->document, pair->key),
		    yaml_document_get_node(r->document, pair->value), &seen,
		    to);
}
#define MAPPING_READ(r, node, keys, to) \
	mapping_read(r, node, keys, sizeof(keys) / sizeof(keys[0]), to)

/* Reads each entry of a list into a new item of *items. */
static void
list_read(struct reader *r, yaml_node_t *node, size_t item_size, void **items,
    size_t *count, void (*read)(struct reader *, yaml_node_t *, void *))
{
	yaml_node_item_t *item;
	yaml_node_t *entry;
	char *to;

	if (node->type != YAML_SEQUENCE_NODE) {
		fault_at(r, node, true, "a list (- entry) is wanted here");
		return;
	}
	for (item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && visit(r, node); item++) {
		entry = yaml_document_get_node(r->document, *item);
		*items = k8s_grow(*items, (*count + 1) * item_size);
		to = (char *)*items + *count * item_size;
		memset(to, 0, item_size);
		(*count)++;
		read(r, entry, to);
	}
}

/* The same for the list whose entries the report counts. */
static void
entries_read(struct reader *r, yaml_node_t *node, const char *what,
    size_t item_size, void **items, size_t *count,
    void (*read)(struct reader *, yaml_node_t *, void *))
{
	r->list = what;
	r->entry = 0;
	list_read(r, node, item_size, items, count, read);
	r->entry = 0;
}

static void
place_set(const yaml_node_t *node, unsigned *line, unsigned *column)
{
	*line = (unsigned)node->start_mark.line + 1;
	*column = (unsigned)node->start_mark.column + 1;
}

/* Node selectors ------------------------------------------------------------------- */

static void
entry_text_read(struct reader *r, yaml_node_t *node, void *to)
{
	*(char **)to = k8s_copy("");
	text_read(r, node, to);
}

static void
values_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct selector_rule *rule = (struct selector_rule *)to;

	list_read(r, node, sizeof(char *), (void **)&rule->values,
	    &rule->value_count, entry_text_read);
}

static void
op_read(struct reader *r, yaml_node_t *node, void *to)
{
	int op = node->type == YAML_SCALAR_NODE ?
	    selector_op_find(node_text(node)) :
	    -1;

	if (op == -1)
		fault_at(r, node, true, "parsing node selector: an operator is "
					"In, NotIn, Exists or DoesNotExist");
	else
		*(uint8_t *)to = (uint8_t)op;
}

static const struct key rule_keys[] = {
	{ "key", text_read, offsetof(struct selector_rule, key) },
	{ "operator", op_read, offsetof(struct selector_rule, op) },
	{ "values", values_read, 0 },
};

static void
rule_check(struct reader *r, yaml_node_t *node, const struct selector_rule *rule)
{
	const char *why = selector_rule_check(rule);

	if (why != NULL)
		fault_at(r, node, true, "parsing node selector: %s", why);
}

static void
rule_read(struct reader *r, yaml_node_t *node, void *to)
{
	size_t before = r->report->error_count;

	((struct selector_rule *)to)->op = 255;
	MAPPING_READ(r, node, rule_keys, to);
	if (((struct selector_rule *)to)->op == 255) {
		((struct selector_rule *)to)->op = SELECT_EXISTS;
		if (r->report->error_count == before)
			fault_at(r, node, true,
			    "parsing node selector: the operator is missing");
	}
	if (((struct selector_rule *)to)->key == NULL)
		((struct selector_rule *)to)->key = k8s_copy("");
	if (r->report->error_count == before)
		rule_check(r, node, to);
}

static void
rules_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct selector *s = to;

	list_read(r, node, sizeof(*s->rules), (void **)&s->rules,
	    &s->rule_count, rule_read);
}

/* key: value is the rule `key In [value]`. */
static void
labels_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct selector *s = to;
	struct selector_rule *rule;
	yaml_node_pair_t *pair;

	if (node->type != YAML_MAPPING_NODE) {
		fault_at(r, node, true, "match-labels is a mapping of labels");
		return;
	}
	for (pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && visit(r, node); pair++) {
		s->rules = k8s_grow(
		    s->rules, (s->rule_count + 1) * sizeof(*s->rules));
		rule = &s->rules[s->rule_count++];
		*rule = (struct selector_rule) { k8s_copy(""), SELECT_IN,
			k8s_alloc(sizeof(char *)), 1 };
		rule->values[0] = k8s_copy("");
		text_read(r, yaml_document_get_node(r->document, pair->key),
		    &rule->key);
		text_read(r, yaml_document_get_node(r->document, pair->value),
		    &rule->values[0]);
		rule_check(r, node, rule);
	}
}

static const struct key selector_keys[] = {
	{ "match-labels", labels_read, 0 },
	{ "match-expressions", rules_read, 0 },
};

static void
selector_read(struct reader *r, yaml_node_t *node, void *to)
{
	if (!node_is_null(node))
		MAPPING_READ(r, node, selector_keys, to);
}

/* Peers, pools, aliases -------------------------------------------------------------- */

static void
selectors_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_peer *peer = to;

	list_read(r, node, sizeof(*peer->selectors), (void **)&peer->selectors,
	    &peer->selector_count, selector_read);
}

#define AT(member) offsetof(struct config_peer, member)
static const struct key peer_keys[] = {
	{ "my-asn", u32_read, AT(my_asn) },
	{ "peer-asn", u32_read, AT(peer_asn) },
	{ "peer-address", text_read, AT(address_text) },
	{ "peer-port", u16_read, AT(port) },
	{ "hold-time", hold_read, AT(hold_ns) },
	{ "router-id", text_read, AT(router_id_text) },
	{ "node-selectors", selectors_read, 0 },
	{ "password", text_read, AT(password) },
};
#undef AT

static void
peer_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_peer *peer = to;

	r->entry++;
	place_set(node, &peer->line, &peer->column);
	peer->hold_ns = -1;
	if (!node_is_null(node))
		MAPPING_READ(r, node, peer_keys, peer);
}

static void
communities_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_ad *ad = to;

	list_read(r, node, sizeof(char *), (void **)&ad->community_texts,
	    &ad->community_text_count, entry_text_read);
}

#define AT(member) offsetof(struct config_ad, member)
static const struct key ad_keys[] = {
	{ "aggregation-length", int_read, AT(aggregation_len) },
	{ "localpref", u32_read, AT(local_pref) },
	{ "communities", communities_read, 0 },
};
#undef AT

static void
ad_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_ad *ad = to;

	place_set(node, &ad->line, &ad->column);
	ad->aggregation_len = 32;
	if (!node_is_null(node))
		MAPPING_READ(r, node, ad_keys, ad);
}

static void
ads_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_pool *pool = to;

	list_read(r, node, sizeof(*pool->ads), (void **)&pool->ads,
	    &pool->ad_count, ad_read);
}

static void
addresses_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_pool *pool = to;

	list_read(r, node, sizeof(char *), (void **)&pool->texts,
	    &pool->text_count, entry_text_read);
}

#define AT(member) offsetof(struct config_pool, member)
static const struct key pool_keys[] = {
	{ "name", text_read, AT(name) },
	{ "protocol", text_read, AT(protocol) },
	{ "addresses", addresses_read, 0 },
	{ "avoid-buggy-ips", bool_read, AT(avoid_buggy) },
	{ "auto-assign", bool_read, AT(auto_assign) },
	{ "bgp-advertisements", ads_read, 0 },
};
#undef AT

static void
pool_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config_pool *pool = to;

	r->entry++;
	place_set(node, &pool->line, &pool->column);
	pool->auto_assign = true;
	if (!node_is_null(node))
		MAPPING_READ(r, node, pool_keys, pool);
}

static void
peers_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config *config = to;

	entries_read(r, node, "peer", sizeof(*config->peers),
	    (void **)&config->peers, &config->peer_count, peer_read);
}

static void
pools_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config *config = to;

	entries_read(r, node, "address pool", sizeof(*config->pools),
	    (void **)&config->pools, &config->pool_count, pool_read);
}

static void
aliases_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct config *config = to;
	struct config_alias *alias;
	yaml_node_pair_t *pair;
	yaml_node_t *name;

	if (node->type != YAML_MAPPING_NODE) {
		fault_at(r, node, true, "bgp-communities maps names to A:B");
		return;
	}
	for (pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && visit(r, node); pair++) {
		config->aliases = k8s_grow(config->aliases,
		    (config->alias_count + 1) * sizeof(*alias));
		alias = &config->aliases[config->alias_count++];
		memset(alias, 0, sizeof(*alias));
		name = yaml_document_get_node(r->document, pair->key);
		place_set(name, &alias->line, &alias->column);
		text_read(r, name, &alias->name);
		text_read(r, yaml_document_get_node(r->document, pair->value),
		    &alias->text);
	}
}

static const struct key top_keys[] = {
	{ "peers", peers_read, 0 },
	{ "bgp-communities", aliases_read, 0 },
	{ "address-pools", pools_read, 0 },
};

/* The document ----------------------------------------------------------------------- */

static void
document_read(struct reader *r, yaml_parser_t *parser, struct config *config)
{
	yaml_document_t document;
	yaml_node_t *root;

	if (!yaml_parser_load(parser, &document)) {
		report_add(r->report, true, "line %zu, column %zu: could not "
					    "parse config: %s",
		    parser->problem_mark.line + 1,
		    parser->problem_mark.column + 1,
		    parser->problem != NULL ? parser->problem : "not YAML");
		return;
	}
	r->document = &document;
	root = yaml_document_get_root_node(&document);
	if (root != NULL && !node_is_null(root))
		MAPPING_READ(r, root, top_keys, config);
	yaml_document_delete(&document);
}

struct config *
config_read(const char *text, size_t len, struct report *report)
{
	struct config *config = k8s_alloc(sizeof(*config));
	struct reader r = { .report = report };
	yaml_parser_t parser;

	if (len > TEXT_MAX) {
		report_add(report, true, "the text is longer than %u bytes",
		    TEXT_MAX);
	} else if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_string(
		    &parser, (const unsigned char *)text, len);
		document_read(&r, &parser, config);
		yaml_parser_delete(&parser);
	}
	config_check(config, report);
	if (report->error_count == 0)
		return config;
	config_free(config);
	return NULL;
}
