/* SPDX-License-Identifier: ISC */
/* An entry of a kubeconfig, value by value; a fault names its place and a cure. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "login.h"

#define PEM "-----BEGIN"

int
entry_fail(const struct entry *entry, const char *text)
{
	unsigned line = yaml_line(entry->map);
	char at[16] = "";

	if (line > 0)
		snprintf(at, sizeof(at), ":%u", line);
	return plan_fail(entry->plan, "%s%s: %s \"%s\": %s", entry->page->path,
	    at, entry->what, entry->name, text);
}

int
entry_fail_key(const struct entry *entry, const char *key, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s%s", key, text);
	return entry_fail(entry, line);
}

/* Values ------------------------------------------------------------------------- */

const char *
entry_text(const struct entry *entry, const char *key)
{
	struct fault fault = { 0, "" };
	const char *text = tree_text(entry->map, key, &fault);

	if (fault.text[0] != '\0')
		entry_fail_key(entry, fault.text,
		    "; put it in quotes where it looks like a number");
	if (text == NULL || *text == '\0')
		return NULL;
	if (entry_is_line(text))
		return text;
	entry_fail_key(
	    entry, key, " must be one line without control characters");
	return NULL;
}

bool
entry_bool(const struct entry *entry, const char *key)
{
	struct fault fault = { 0, "" };
	struct json_object *value =
	    tree_member(entry->map, key, json_type_boolean, &fault);

	if (fault.text[0] != '\0')
		entry_fail(entry, fault.text);
	return value != NULL && json_object_get_boolean(value);
}

char *
entry_path(const struct entry *entry, const char *path)
{
	const char *slash = strrchr(entry->page->path, '/');

	if (path[0] == '/' || slash == NULL)
		return k8s_copy(path);
	return k8s_print("%.*s/%s", (int)(slash - entry->page->path),
	    entry->page->path, path);
}

char *
entry_file(
    const struct entry *entry, const char *key, const char *path, size_t *len)
{
	char *full = entry_path(entry, path);
	char *text = plan_file(entry->plan, full, len);
	char line[256];

	if (text == NULL) {
		snprintf(line, sizeof(line), ": %s: %s", full, strerror(errno));
		entry_fail_key(entry, key, line);
	}
	free(full);
	return text;
}

char *
entry_pem(const struct entry *entry, const char *key, size_t *len)
{
	char data_key[64], *text;
	struct fault fault = { 0, "" };
	const char *data, *path = entry_text(entry, key);
	int n;

	snprintf(data_key, sizeof(data_key), "%s-data", key);
	data = tree_text(entry->map, data_key, &fault);
	if (data == NULL || *data == '\0') {
		text = path == NULL ? NULL : entry_file(entry, key, path, len);
		if (text != NULL && strstr(text, PEM) == NULL)
			entry_fail_key(entry, key, ": the file holds no PEM");
		return text;
	}
	text = k8s_copy(data);
	n = tree_decode64(text);
	*len = n > 0 ? (size_t)n : 0;
	if (n <= 0 || strstr(text, PEM) == NULL)
		entry_fail_key(entry, data_key,
		    " must be PEM in base64, as `base64 -w0 FILE` prints it");
	return text;
}

char **
entry_list(const struct entry *entry, const char *key, const char *first)
{
	struct fault fault = { 0, "" };
	struct json_object *list, *item;
	size_t count = tree_list(entry->map, key, &fault, &list), i, n = 0;
	char **all;

	if (count > LIST_MAX)
		count = LIST_MAX;
	all = k8s_alloc((count + 2) * sizeof(*all));
	if (first != NULL)
		all[n++] = k8s_copy(first);
	for (i = 0; i < count; i++) {
		item = json_object_array_get_idx(list, i);
		if (json_object_is_type(item, json_type_string))
			all[n++] = k8s_copy(json_object_get_string(item));
		else
			tree_fault(&fault, key, "a list of text");
	}
	if (fault.text[0] != '\0')
		entry_fail_key(entry, fault.text,
		    "; put in quotes what looks like a number");
	return all;
}

bool
entry_is_line(const char *text)
{
	const char *p = text;

	while (*p != '\0' && !iscntrl((unsigned char)*p))
		p++;
	return p > text && *p == '\0';
}
