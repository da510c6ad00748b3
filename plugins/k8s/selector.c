/* SPDX-License-Identifier: ISC */
/* Label selectors with the semantics of Kubernetes. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

static const char *const op_names[] = { "In", "NotIn", "Exists",
	"DoesNotExist" };

int
selector_op_find(const char *word)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (strcmp(op_names[i], word) == 0)
			return i;
	}
	return -1;
}

static const char *
label_find(const struct object_label *labels, size_t count, const char *key)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(labels[i].key, key) == 0)
			return labels[i].value != NULL ? labels[i].value : "";
	}
	return NULL;
}

static bool
values_have(const struct selector_rule *rule, const char *value)
{
	size_t i;

	for (i = 0; i < rule->value_count; i++) {
		if (strcmp(rule->values[i], value) == 0)
			return true;
	}
	return false;
}

static bool
rule_holds(const struct selector_rule *rule, const char *value)
{
	switch (rule->op) {
	case SELECT_IN:
		return value != NULL && values_have(rule, value);
	case SELECT_NOT_IN:
		return value == NULL || !values_have(rule, value);
	case SELECT_EXISTS:
		return value != NULL;
	default:
		return value == NULL;
	}
}

static bool
selector_matches(
    const struct selector *s, const struct object_label *labels, size_t count)
{
	size_t i;

	for (i = 0; i < s->rule_count; i++) {
		if (!rule_holds(&s->rules[i],
			label_find(labels, count, s->rules[i].key)))
			return false;
	}
	return true;
}

bool
selectors_match(const struct selector *selectors, size_t count,
    const struct object_label *labels, size_t label_count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (selector_matches(&selectors[i], labels, label_count))
			return true;
	}
	return count == 0;
}

/* A word of letters, digits, -, _ and . that begins and ends with one of the first. */
static bool
label_word_is_good(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > 63 || !isalnum((unsigned char)s[0]) ||
	    !isalnum((unsigned char)s[len - 1]))
		return false;
	for (i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) &&
		    strchr("-_.", s[i]) == NULL)
			return false;
	}
	return true;
}

static bool
label_prefix_is_good(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > 253)
		return false;
	for (i = 0; i < len; i++) {
		if (!islower((unsigned char)s[i]) &&
		    !isdigit((unsigned char)s[i]) && s[i] != '-' && s[i] != '.')
			return false;
		if (s[i] == '.' && i + 1 < len &&
		    (!isalnum((unsigned char)s[i + 1]) ||
			(i > 0 && s[i - 1] == '-')))
			return false;
	}
	return isalnum((unsigned char)s[0]) &&
	       isalnum((unsigned char)s[len - 1]);
}

static bool
label_key_is_good(const char *key)
{
	const char *slash = strchr(key, '/');

	if (slash == NULL)
		return label_word_is_good(key, strlen(key));
	return label_prefix_is_good(key, (size_t)(slash - key)) &&
	       label_word_is_good(slash + 1, strlen(slash + 1));
}

const char *
selector_rule_check(const struct selector_rule *rule)
{
	size_t i;

	if (rule->key == NULL || !label_key_is_good(rule->key))
		return "the key is not a label's name";
	if (rule->op <= SELECT_NOT_IN && rule->value_count == 0)
		return "In and NotIn need a value at least";
	if (rule->op > SELECT_NOT_IN && rule->value_count > 0)
		return "Exists and DoesNotExist take no values";
	for (i = 0; i < rule->value_count; i++) {
		if (rule->values[i][0] != '\0' &&
		    !label_word_is_good(
			rule->values[i], strlen(rule->values[i])))
			return "a value is not a label's value";
	}
	return NULL;
}

static bool
rule_equal(const struct selector_rule *a, const struct selector_rule *b)
{
	size_t i;

	if (strcmp(a->key, b->key) != 0 || a->op != b->op ||
	    a->value_count != b->value_count)
		return false;
	for (i = 0; i < a->value_count; i++) {
		if (strcmp(a->values[i], b->values[i]) != 0)
			return false;
	}
	return true;
}

bool
selectors_equal(const struct selector *a, size_t a_count,
    const struct selector *b, size_t b_count)
{
	size_t i, j;

	if (a_count != b_count)
		return false;
	for (i = 0; i < a_count; i++) {
		if (a[i].rule_count != b[i].rule_count)
			return false;
		for (j = 0; j < a[i].rule_count; j++) {
			if (!rule_equal(&a[i].rules[j], &b[i].rules[j]))
				return false;
		}
	}
	return true;
}

static void
rule_free(struct selector_rule *rule)
{
	size_t i;

	for (i = 0; i < rule->value_count; i++)
		free(rule->values[i]);
	free(rule->values);
	free(rule->key);
}

void
selectors_free(struct selector *selectors, size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < selectors[i].rule_count; j++)
			rule_free(&selectors[i].rules[j]);
		free(selectors[i].rules);
	}
	free(selectors);
}
