/* SPDX-License-Identifier: ISC */
/* YAML read strictly by tables of keys: scalars, mappings, lists, with places. */

/*
 * What is not in a table, is said twice or has the wrong type is an error with
 * its place; reading goes on after it, so that one run names all of them. Types
 * are YAML 1.1's, as Go's yaml.v2 takes them in its strict mode.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "strict.h"

#define VISITS_MAX   1000000 /* an alias may be visited many times */
#define MERGES_DEEP  8
#define REPORT_LINES 1000

void
report_add(struct report *report, bool is_error, const char *format, ...)
{
	char **text = is_error ? &report->errors : &report->warnings;
	size_t *count =
	    is_error ? &report->error_count : &report->warning_count;
	char line[512];
	size_t len;
	va_list ap;

	if (++*count > REPORT_LINES)
		return; /* enough is enough; the count goes on */
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	len = *text != NULL ? strlen(*text) : 0;
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

void
fault_at(struct reader *r, const yaml_node_t *node, bool is_error,
    const char *format, ...)
{
	char text[320], where[64] = "";
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (r->entry > 0)
		snprintf(where, sizeof(where), "parsing %s #%zu: ", r->list,
		    r->entry);
	report_add(r->report, is_error, "line %zu, column %zu: %s%s",
	    node->start_mark.line + 1, node->start_mark.column + 1, where,
	    text);
}

const char *
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

/* A word in one of YAML's three spellings: yes, Yes, YES. */
static bool
word_is(const char *text, const char *const *words)
{
	bool is_small, is_big;
	const char *p;

	if (*text == '\0')
		return **words == '\0';
	is_small = is_big = true;
	for (p = text + 1; *p != '\0'; p++) {
		is_small = is_small && !isupper((unsigned char)*p);
		is_big = is_big && !islower((unsigned char)*p);
	}
	if (!is_small && (!is_big || !isupper((unsigned char)*text)))
		return false;
	for (; *words != NULL; words++) {
		if (strcasecmp(text, *words) == 0)
			return true;
	}
	return false;
}

bool
node_is_null(const yaml_node_t *node)
{
	static const char *const words[] = { "", "~", "null", NULL };

	return node_is_plain(node) && word_is(node_text(node), words);
}

/* Work, and memory: an alias makes much of little. False: too much, said once. */
static bool
charge(struct reader *r, const yaml_node_t *node, size_t cost)
{
	if (r->visits >= VISITS_MAX)
		return false;
	r->visits += cost < VISITS_MAX - r->visits ? (unsigned)cost
						   : VISITS_MAX - r->visits;
	if (r->visits < VISITS_MAX)
		return true;
	fault_at(r, node, true, "too many values");
	return false;
}

bool
visit(struct reader *r, yaml_node_t *node)
{
	return charge(r, node, 1);
}

/* "peer-port: ", before what is wrong with its value. */
static const char *
key_of(struct reader *r)
{
	if (r->key == NULL)
		return "";
	snprintf(r->key_text, sizeof(r->key_text), "%s: ", r->key);
	return r->key_text;
}

/* Scalars ---------------------------------------------------------------------- */

void
text_read(struct reader *r, yaml_node_t *node, void *to)
{
	if (node->type != YAML_SCALAR_NODE) {
		fault_at(r, node, true, "%stext is wanted here", key_of(r));
		return;
	}
	if (strlen(node_text(node)) != node->data.scalar.length) {
		fault_at(r, node, true, "text with a zero byte in it");
		return;
	}
	if (!charge(r, node, node->data.scalar.length / 64))
		return;
	free(*(char **)to);
	*(char **)to = k8s_copy(node_is_null(node) ? "" : node_text(node));
}

/* A whole number of YAML 1.1 in [min, max]. */
static bool
number_read(struct reader *r, yaml_node_t *node, long long min, long long max,
    long long *value)
{
	const char *text =
	    node->type == YAML_SCALAR_NODE ? node_text(node) : "";
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
		fault_at(r, node, true, "%sa whole number is wanted here%s",
		    key_of(r), node_is_plain(node) ? "" : ", without quotes");
		return false;
	}
	if (errno != 0 || *value < min || *value > max) {
		fault_at(r, node, true, "%s%s is not a number of %lld-%lld",
		    key_of(r), text, min, max);
		return false;
	}
	return true;
}

void
u32_read(struct reader *r, yaml_node_t *node, void *to)
{
	long long value;

	if (number_read(r, node, 0, UINT32_MAX, &value))
		*(uint32_t *)to = (uint32_t)value;
}

void
u16_read(struct reader *r, yaml_node_t *node, void *to)
{
	long long value;

	if (number_read(r, node, 0, UINT16_MAX, &value))
		*(uint16_t *)to = (uint16_t)value;
}

void
int_read(struct reader *r, yaml_node_t *node, void *to)
{
	long long value;

	if (number_read(r, node, INT64_MIN, INT64_MAX, &value))
		*(int64_t *)to = value;
}

void
bool_read(struct reader *r, yaml_node_t *node, void *to)
{
	static const char *const yes[] = { "y", "yes", "on", "true", NULL };
	static const char *const no[] = { "n", "no", "off", "false", NULL };

	if (node_is_plain(node) && word_is(node_text(node), yes))
		*(bool *)to = true;
	else if (node_is_plain(node) && word_is(node_text(node), no))
		*(bool *)to = false;
	else
		fault_at(
		    r, node, true, "%strue or false is wanted here", key_of(r));
}

/* The user's own document says 120: seconds, which 0.7.3 itself refuses. */
void
hold_read(struct reader *r, yaml_node_t *node, void *to)
{
	const char *why;
	bool is_bare;

	if (node->type != YAML_SCALAR_NODE) {
		fault_at(
		    r, node, true, "%sa duration is wanted here", key_of(r));
		return;
	}
	if (node_text(node)[0] == '\0')
		return; /* as if it was not said */
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

/* Where a mapping's values go, and which keys it has had. */
struct record {
	const struct key *keys;
	size_t count;
	uint64_t seen;
	void *to;
};

static void
pair_read(struct reader *r, struct record *record, yaml_node_t *name,
    yaml_node_t *value)
{
	const struct key *key = NULL;
	const char *outer;
	uint64_t bit;
	char all[200];

	if (name->type == YAML_SCALAR_NODE)
		key = key_find(record->keys, record->count, node_text(name));
	if (key == NULL) {
		keys_list(record->keys, record->count, all, sizeof(all));
		fault_at(r, name, true, "unknown field %s; there are: %s",
		    name->type == YAML_SCALAR_NODE ? node_text(name) : "(none)",
		    all);
		return;
	}
	bit = (uint64_t)1 << (key - record->keys);
	if (record->seen & bit) {
		if (r->merges == 0) /* else the nearer one stands */
			fault_at(r, name, true, "%s is said twice", key->name);
		return;
	}
	record->seen |= bit;
	outer = r->key;
	r->key = key->name;
	if (!node_is_null(value))
		key->read(r, value, (char *)record->to + key->offset);
	r->key = outer;
}

static bool
pair_is_merge(const yaml_node_t *name)
{
	return node_is_plain(name) && strcmp(node_text(name), "<<") == 0;
}

static void record_read(
    struct reader *r, yaml_node_t *node, struct record *record);

/* `<<: *name`, or a list of such: what the mapping does not say itself. */
static void
merge_read(struct reader *r, yaml_node_t *node, struct record *record)
{
	yaml_node_item_t *item;

	if (++r->merges > MERGES_DEEP) {
		fault_at(r, node, true, "merge keys are nested too deep");
	} else if (node->type == YAML_SEQUENCE_NODE) {
		for (item = node->data.sequence.items.start;
		     item < node->data.sequence.items.top && visit(r, node);
		     item++)
			record_read(r,
			    yaml_document_get_node(r->document, *item), record);
	} else {
		record_read(r, node, record);
	}
	r->merges--;
}

/* What a mapping says itself goes first; what it merges comes after. */
static void
record_read(struct reader *r, yaml_node_t *node, struct record *record)
{
	yaml_node_pair_t *pair;
	yaml_node_t *name, *value;
	int turn;

	if (node->type != YAML_MAPPING_NODE) {
		fault_at(r, node, true,
		    "%sa mapping (key: value) is wanted here", key_of(r));
		return;
	}
	for (turn = 0; turn < 2; turn++) {
		for (pair = node->data.mapping.pairs.start;
		     pair < node->data.mapping.pairs.top && visit(r, node);
		     pair++) {
			name = yaml_document_get_node(r->document, pair->key);
			value =
			    yaml_document_get_node(r->document, pair->value);
			if (pair_is_merge(name) != (turn == 1))
				continue;
			if (turn == 1)
				merge_read(r, value, record);
			else
				pair_read(r, record, name, value);
		}
	}
}

void
mapping_read(struct reader *r, yaml_node_t *node, const struct key *keys,
    size_t count, void *to)
{
	struct record record = { keys, count, 0, to };
	unsigned outer = r->merges;

	r->merges = 0;
	record_read(r, node, &record);
	r->merges = outer;
}

/* Reads each entry of a list into a new item of *items. */
void
list_read(struct reader *r, yaml_node_t *node, size_t item_size, void **items,
    size_t *count, void (*read)(struct reader *, yaml_node_t *, void *))
{
	yaml_node_item_t *item;
	yaml_node_t *entry;
	char *to;

	if (node->type != YAML_SEQUENCE_NODE) {
		fault_at(r, node, true, "%sa list (- entry) is wanted here",
		    key_of(r));
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
void
entries_read(struct reader *r, yaml_node_t *node, const char *what,
    size_t item_size, void **items, size_t *count,
    void (*read)(struct reader *, yaml_node_t *, void *))
{
	r->list = what;
	r->entry = 0;
	list_read(r, node, item_size, items, count, read);
	r->entry = 0;
}

void
place_set(const yaml_node_t *node, unsigned *line, unsigned *column)
{
	*line = (unsigned)node->start_mark.line + 1;
	*column = (unsigned)node->start_mark.column + 1;
}
