/* SPDX-License-Identifier: ISC */
/* What the readers of objects ask of a tree: members of a type, names, bytes. */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "kit.h"

#define NAME_LEN_MAX 253

/* Trees ------------------------------------------------------------------------ */

/* A text as a tree whose root is a mapping; NULL: it is none. */
struct json_object *
tree_parse(const char *text, size_t len)
{
	struct json_tokener *tokener;
	struct json_object *root;

	if (len > INT32_MAX)
		return NULL;
	tokener = json_tokener_new();
	root = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	if (json_object_is_type(root, json_type_object))
		return root;
	json_object_put(root);
	return NULL;
}

/* The fault that is told is the first. */
void
tree_fault(struct fault *fault, const char *key, const char *must)
{
	if (fault->text[0] == '\0')
		snprintf(fault->text, sizeof(fault->text), "%s must be %s", key,
		    must);
}

/* A member of a type; NULL: absent, null or (a fault) something else. */
struct json_object *
tree_member(
    struct json_object *map, const char *key, int type, struct fault *fault)
{
	static const char *const words[] = { "null", "true or false",
		"a number", "a whole number", "a mapping", "a list", "text" };
	struct json_object *value;

	if (map == NULL || !json_object_object_get_ex(map, key, &value) ||
	    value == NULL)
		return NULL;
	if (json_object_is_type(value, (enum json_type)type))
		return value;
	tree_fault(fault, key, words[type]);
	return NULL;
}

struct json_object *
tree_map(struct json_object *map, const char *key, struct fault *fault)
{
	return tree_member(map, key, json_type_object, fault);
}

const char *
tree_text(struct json_object *map, const char *key, struct fault *fault)
{
	struct json_object *v = tree_member(map, key, json_type_string, fault);

	return v == NULL ? NULL : json_object_get_string(v);
}

/* How many entries a list has that is absent, or as it should be. */
size_t
tree_list(struct json_object *map, const char *key, struct fault *fault,
    struct json_object **list)
{
	*list = tree_member(map, key, json_type_array, fault);
	return *list == NULL ? 0 : json_object_array_length(*list);
}

/* An entry that must be a mapping; NULL: a fault. */
struct json_object *
tree_entry(
    struct json_object *list, size_t i, const char *key, struct fault *fault)
{
	struct json_object *v = json_object_array_get_idx(list, i);

	if (json_object_is_type(v, json_type_object))
		return v;
	tree_fault(fault, key, "a list of mappings");
	return NULL;
}

/* Text that may stand in a name; NULL is none. */
bool
tree_name_is_good(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && name[i] != '\0'; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' &&
		    name[i] != '.' && name[i] != '_' && name[i] != ':')
			return false;
	}
	return name != NULL && i > 0 && i <= NAME_LEN_MAX;
}

bool
tree_addr(const char *text, struct bgpd_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (text == NULL)
		return false;
	if (inet_pton(AF_INET, text, addr->bytes) == 1)
		addr->family = 4;
	else if (inet_pton(AF_INET6, text, addr->bytes) == 1)
		addr->family = 6;
	return addr->family != 0;
}

/* Bytes ------------------------------------------------------------------------ */

static int
digit64(int c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c == '\0' ? NULL : strchr(digits, c);

	return p == NULL ? -1 : (int)(p - digits);
}

/* Decodes base64 in place; the new length, or -1. */
int
tree_decode64(char *text)
{
	unsigned bits = 0, value = 0;
	char *out = text, *p = text;
	int digit;

	for (; *p != '\0' && *p != '='; p++) {
		if (isspace((unsigned char)*p))
			continue;
		if ((digit = digit64(*p)) == -1)
			return -1;
		value = value << 6 | (unsigned)digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*out++ = (char)(value >> bits & 0xff);
		}
	}
	*out = '\0';
	return p[strspn(p, "= \t\r\n")] == '\0' ? (int)(out - text) : -1;
}
