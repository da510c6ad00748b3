/* SPDX-License-Identifier: ISC */
/* MetalLB's ConfigMap text (v0.7.3) to structs: its keys as tables. */

/*
 * What the text may say, key by key; strict.c reads it. What the values mean
 * together is metallb_check.c's.
 */

#include <stdlib.h>
#include <string.h>

#include "strict.h"

#define TEXT_MAX    (4u << 20)
#define DEPTH_MAX   32
#define ANCHORS_MAX 1000
#define HOLD_NS	    INT64_C(90000000000)

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
	int op = node->type == YAML_SCALAR_NODE
		     ? selector_op_find(node_text(node))
		     : -1;

	if (op == -1)
		fault_at(r, node, true,
		    "parsing node selector: an operator is "
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
rule_check(
    struct reader *r, yaml_node_t *node, const struct selector_rule *rule)
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

static int
rule_compare(const void *a, const void *b)
{
	return strcmp(((const struct selector_rule *)a)->key,
	    ((const struct selector_rule *)b)->key);
}

/* Sorted, as the order of a mapping says nothing; each key once. */
static void
labels_sort(struct reader *r, yaml_node_t *node, struct selector_rule *rules,
    size_t count)
{
	size_t i;

	if (count == 0)
		return;
	qsort(rules, count, sizeof(*rules), rule_compare);
	for (i = 1; i < count; i++) {
		if (strcmp(rules[i - 1].key, rules[i].key) == 0)
			fault_at(r, node, true, "label %s is said twice",
			    rules[i].key);
	}
}

/* key: value is the rule `key In [value]`. */
static void
labels_read(struct reader *r, yaml_node_t *node, void *to)
{
	struct selector *s = to;
	struct selector_rule *rule;
	yaml_node_pair_t *pair;
	yaml_node_t *name;
	size_t before = s->rule_count;

	if (node->type != YAML_MAPPING_NODE) {
		fault_at(r, node, true, "match-labels is a mapping of labels");
		return;
	}
	for (pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && visit(r, node); pair++) {
		s->rules =
		    k8s_grow(s->rules, (s->rule_count + 1) * sizeof(*s->rules));
		rule = &s->rules[s->rule_count++];
		*rule = (struct selector_rule){ k8s_copy(""), SELECT_IN,
			k8s_alloc(sizeof(char *)), 1 };
		rule->values[0] = k8s_copy("");
		name = yaml_document_get_node(r->document, pair->key);
		text_read(r, name, &rule->key);
		text_read(r, yaml_document_get_node(r->document, pair->value),
		    &rule->values[0]);
		rule_check(r, name, rule);
	}
	labels_sort(r, node, s->rules + before, s->rule_count - before);
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
	peer->hold_ns = HOLD_NS;
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

static int
shape_fault(struct report *report, const yaml_mark_t *mark, const char *why)
{
	report_add(report, true,
	    "line %zu, column %zu: could not parse config: %s", mark->line + 1,
	    mark->column + 1, why);
	return -1;
}

/* What the text has opened and not closed, and what costs libyaml a search. */
struct shape {
	size_t depth, anchors, documents;
};

/* NULL, or why the text cannot be read. */
static const char *
shape_event(struct shape *shape, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL;

	if (event->type == YAML_SEQUENCE_START_EVENT)
		anchor = event->data.sequence_start.anchor;
	else if (event->type == YAML_MAPPING_START_EVENT)
		anchor = event->data.mapping_start.anchor;
	else if (event->type == YAML_SCALAR_EVENT)
		anchor = event->data.scalar.anchor;
	shape->anchors += anchor != NULL;
	shape->documents += event->type == YAML_DOCUMENT_START_EVENT;
	shape->depth += event->type == YAML_SEQUENCE_START_EVENT ||
			event->type == YAML_MAPPING_START_EVENT;
	shape->depth -= event->type == YAML_SEQUENCE_END_EVENT ||
			event->type == YAML_MAPPING_END_EVENT;
	if (shape->depth > DEPTH_MAX)
		return "it is nested too deep";
	if (shape->anchors > ANCHORS_MAX)
		return "it has too many anchors";
	return shape->documents > 1 ? "it holds more than one document" : NULL;
}

/*
 * libyaml takes the square of the depth, and of the anchors, to build a
 * document: both are bounded before it is asked to.
 */
static int
shape_check(const char *text, size_t len, struct report *report)
{
	struct shape shape = { 0, 0, 0 };
	yaml_event_t event = { 0 };
	yaml_parser_t parser;
	const char *why = NULL;
	bool is_end = false;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return -1;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (rc == 0 && !is_end) {
		if (!yaml_parser_parse(&parser, &event)) {
			rc = shape_fault(report, &parser.problem_mark,
			    parser.problem != NULL ? parser.problem
						   : "not YAML");
			break;
		}
		is_end = event.type == YAML_STREAM_END_EVENT;
		if ((why = shape_event(&shape, &event)) != NULL)
			rc = shape_fault(report, &event.start_mark, why);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return rc;
}

static void
document_read(struct reader *r, yaml_parser_t *parser, struct config *config)
{
	yaml_document_t document;
	yaml_node_t *root;

	if (!yaml_parser_load(parser, &document)) {
		shape_fault(r->report, &parser->problem_mark,
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
		report_add(
		    report, true, "the text is longer than %u bytes", TEXT_MAX);
	} else if (shape_check(text, len, report) == 0 &&
		   yaml_parser_initialize(&parser)) {
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
