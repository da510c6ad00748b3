/* SPDX-License-Identifier: ISC */
/* A list or a watch, cut into its objects as its bytes come. */

/*
 * Bytes flow through a scanner that knows the grammar of JSON (RFC 8259) and
 * nothing of its values: where one begins and ends, at which depth, under which
 * name. What belongs to a value that is wanted is staged and goes to json-c in
 * long runs, because every call of it costs as much as a hundred bytes; what is
 * named in `skip` is read past. Nothing is held but the value under way, and
 * that is bounded by bytes and, since a tree is larger than its text, by nodes.
 * Depth is a bit each, so that a deep value costs nothing but itself.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "api.h"

#define VALUE_MAX  (8 * 1024 * 1024) /* bytes that are kept of a value */
#define NODES_MAX  131072	     /* values inside it */
#define VALUE_DEEP 64		     /* deeper ones are passed over */
#define DEPTH_MAX  8192		     /* deeper is no JSON of an API server */
#define TOKEN_LONG (256 * 1024) /* json-c is not to hold more than this idle */
#define STAGE	   4096
#define NAME_ROOM  128
#define WORD_ROOM  64
#define SKIP_MAX   8

/* What stands next. */
enum at {
	AT_VALUE,
	AT_ENTRY_OR_END, /* behind [ */
	AT_NAME_OR_END,	 /* behind { */
	AT_NAME,	 /* behind a comma of an object */
	AT_COLON,
	AT_NEXT,   /* behind a value: a comma or the end */
	AT_STRING, /* from here on blanks are not passed over */
	AT_ESCAPE,
	AT_HEX,
	AT_WORD, /* inside a number, true, false, null */
	AT_FAULT
};

struct stream {
	enum stream_form form;
	void (*on_value)(
	    void *arg, const char *name, struct json_object *value);
	void *arg;
	struct {
		char *name;
		size_t len;
	} skip[SKIP_MAX];
	size_t skips;

	/* The scanner. */
	enum at at;
	bool name, named_skip; /* the string is a name; it stands in skip */
	bool in_items, ended; /* of a list: inside `items`; its top is closed */
	unsigned hex;	      /* digits that must come */
	unsigned depth;
	uint8_t objects[DEPTH_MAX / 8]; /* a bit for each depth: { and not [ */
	size_t name_len, word_len;	/* of those in pieces; over: too long */
	char name_text[NAME_ROOM], word[WORD_ROOM];
	const char *name_from; /* in this piece */

	/* The value under way. */
	const char *run; /* what is to be kept begins here; NULL */
	unsigned from,
	    skip_from; /* the depth of the value, of what is skipped */
	bool inside, skipping, over; /* over: it is passed over */
	char member[NAME_ROOM];
	size_t kept, nodes, staged;
	struct json_tokener *tok;
	struct json_object *root;
	char stage[STAGE];

	const char *data, *end; /* the piece at hand */
	uint64_t before;	/* bytes of earlier ones */
	char why[120];
};

/* What a byte may be. */
enum { PLAIN = 1, BLANK = 2, WORD = 4, DIGIT = 8, HEX = 16, ESCAPED = 32 };

#define P PLAIN
#define W (PLAIN | WORD)
#define X (PLAIN | WORD | HEX)
#define D (PLAIN | WORD | HEX | DIGIT)
/* clang-format off */
static const uint8_t bytes[256] = {
	['\t'] = BLANK, ['\n'] = BLANK, ['\r'] = BLANK, [' '] = P | BLANK,
	['!'] = P, ['"'] = ESCAPED, ['#' ... '*'] = P, ['+'] = W, [','] = P,
	['-'] = W, ['.'] = W, ['/'] = P | ESCAPED, ['0' ... '9'] = D,
	[':' ... '@'] = P, ['A' ... 'F'] = X, ['G' ... 'Z'] = W, ['['] = P,
	['\\'] = ESCAPED, [']' ... '`'] = P, ['a'] = X, ['b'] = X | ESCAPED,
	['c' ... 'e'] = X, ['f'] = X | ESCAPED, ['g' ... 'm'] = W,
	['n'] = W | ESCAPED, ['o' ... 'q'] = W, ['r'] = W | ESCAPED, ['s'] = W,
	['t'] = W | ESCAPED, ['u' ... 'z'] = W, ['{' ... 0xff] = P,
};
/* clang-format on */
#undef P
#undef W
#undef X
#undef D

static bool
is(char c, unsigned what)
{
	return (bytes[(uint8_t)c] & what) != 0;
}

/* What must stand where a word began, or at p. NULL: a reader returns it. */
static const char *
stream_fault(struct stream *s, const char *p, const char *must)
{
	uint64_t at = s->before + (uint64_t)(p - s->data);

	if (s->at == AT_WORD)
		at -= s->word_len;
	snprintf(s->why, sizeof(s->why), "byte %llu: %s must stand here",
	    (unsigned long long)at, must);
	s->at = AT_FAULT;
	return NULL;
}

/* The value under way -------------------------------------------------------- */

/* It is too much: what json-c has of it goes at once. */
static void
value_drop(struct stream *s)
{
	s->over = true;
	s->staged = 0;
	json_object_put(s->root);
	s->root = NULL;
	json_tokener_reset(s->tok);
}

static void
value_parse(struct stream *s, const char *data, size_t len)
{
	enum json_tokener_error error;

	s->root = json_tokener_parse_ex(s->tok, data, (int)len);
	error = json_tokener_get_error(s->tok);
	/* The grammar is right: what json-c refuses is too deep for it. */
	if (error != json_tokener_success && error != json_tokener_continue)
		value_drop(s);
}

static void
value_flush(struct stream *s)
{
	size_t len = s->staged;

	s->staged = 0;
	if (len > 0)
		value_parse(s, s->stage, len);
}

static void
value_keep(struct stream *s, const char *data, size_t len)
{
	if (s->over)
		return;
	s->kept += len;
	if (s->kept > VALUE_MAX || s->nodes > NODES_MAX) {
		value_drop(s);
		return;
	}
	if (len > STAGE - s->staged)
		value_flush(s);
	if (len > STAGE && !s->over)
		value_parse(s, data, len);
	else if (!s->over) {
		memcpy(s->stage + s->staged, data, len);
		s->staged += len;
	}
}

/* What has been read up to here, since the run began, is kept. */
static void
run_end(struct stream *s, const char *end)
{
	if (s->run != NULL)
		value_keep(s, s->run, (size_t)(end - s->run));
	s->run = NULL;
}

/* It goes to who wants it; a null is no value. */
static void
value_tell(struct stream *s)
{
	struct json_object *root;
	const char *name = s->form == STREAM_WATCH ? NULL : s->member;

	value_flush(s);
	/* A number ends with what follows it: json-c is told that it has. */
	if (!s->over && s->root == NULL &&
	    json_tokener_get_error(s->tok) == json_tokener_continue)
		value_parse(s, "", 1);
	root = s->root;
	s->root = NULL;
	s->inside = false;
	if (s->kept > TOKEN_LONG) {
		json_tokener_free(s->tok);
		s->tok = json_tokener_new_ex(VALUE_DEEP);
	}
	if (root != NULL || s->over)
		s->on_value(s->arg, name, root);
	json_object_put(root);
}

/* Is the name that was just read one of those to be skipped? */
static bool
name_is_skipped(const struct stream *s, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < s->skips; i++) {
		if (s->skip[i].len == len &&
		    memcmp(s->skip[i].name, name, len) == 0)
			return true;
	}
	return false;
}

/* A list: is what begins here wanted? -1: told what is wrong. */
static int
list_wants(struct stream *s, const char *p)
{
	if (s->depth == 0) {
		if (*p == '{')
			return 0;
		stream_fault(s, p, "the { of a list");
		return -1;
	}
	if (s->depth == 2)
		return s->in_items;
	if (s->depth != 1 || strcmp(s->member, "items") != 0)
		return s->depth == 1;
	s->in_items = *p == '[';
	if (s->in_items || *p == 'n')
		return 0;
	stream_fault(s, p, "a list of items");
	return -1;
}

/* A value begins at p. 0; -1: told what is wrong. */
static int
value_begin(struct stream *s, const char *p)
{
	bool skip = s->named_skip;
	int wanted;

	s->named_skip = false;
	if (s->skipping)
		return 0;
	if (s->inside) {
		s->nodes++;
		if (!skip)
			return 0;
		run_end(s, p);
		value_keep(s, "null", 4);
		s->skipping = true;
		s->skip_from = s->depth;
		return 0;
	}
	wanted = s->form == STREAM_WATCH ? s->depth == 0 : list_wants(s, p);
	if (wanted != 1)
		return wanted;
	s->inside = true;
	s->over = false;
	s->from = s->depth;
	s->kept = s->nodes = 0;
	s->run = p;
	return 0;
}

/* A value ended before p. */
static void
value_end(struct stream *s, const char *p)
{
	s->at = AT_NEXT;
	if (s->skipping) {
		if (s->depth == s->skip_from) {
			s->skipping = false;
			s->run = p;
		}
	} else if (s->inside && s->depth == s->from) {
		run_end(s, p);
		value_tell(s);
	}
	if (s->depth > 0)
		return;
	/* A text of a watch follows a text; behind a list is nothing. */
	s->at = s->form == STREAM_WATCH ? AT_VALUE : AT_NEXT;
	s->ended = s->form == STREAM_LIST;
}

/* Readers: from p on; where the next one begins, NULL at a fault --------------- */

static bool
in_object(const struct stream *s)
{
	unsigned i = s->depth - 1;

	return s->depth > 0 && (s->objects[i / 8] >> i % 8 & 1) != 0;
}

static const char *
read_open(struct stream *s, const char *p)
{
	unsigned i = s->depth;

	if (i == DEPTH_MAX)
		return stream_fault(s, p, "something less deep");
	if (*p == '{')
		s->objects[i / 8] |= (uint8_t)(1 << i % 8);
	else
		s->objects[i / 8] &= (uint8_t) ~(1 << i % 8);
	s->depth++;
	s->at = *p == '{' ? AT_NAME_OR_END : AT_ENTRY_OR_END;
	return p + 1;
}

static const char *
read_close(struct stream *s, const char *p)
{
	s->depth--;
	if (s->depth == 1)
		s->in_items = false;
	value_end(s, p + 1);
	return p + 1;
}

static const char *
read_value(struct stream *s, const char *p)
{
	if (*p == ']' && s->at == AT_ENTRY_OR_END)
		return read_close(s, p);
	if (*p != '{' && *p != '[' && *p != '"' && !is(*p, WORD))
		return stream_fault(s, p, "a value");
	if (value_begin(s, p) == -1)
		return NULL;
	if (*p == '{' || *p == '[')
		return read_open(s, p);
	s->name = false;
	s->word_len = 0;
	s->at = *p == '"' ? AT_STRING : AT_WORD;
	return *p == '"' ? p + 1 : p;
}

static const char *
read_name(struct stream *s, const char *p)
{
	if (*p == '}' && s->at == AT_NAME_OR_END)
		return read_close(s, p);
	if (*p != '"')
		return stream_fault(s, p, "a name in quotes");
	s->name = true;
	s->name_len = 0;
	s->name_from = p + 1;
	s->at = AT_STRING;
	return p + 1;
}

static const char *
read_colon(struct stream *s, const char *p)
{
	if (*p != ':')
		return stream_fault(s, p, "a colon");
	s->at = AT_VALUE;
	return p + 1;
}

static const char *
read_next(struct stream *s, const char *p)
{
	bool object = in_object(s);

	if (s->depth == 0)
		return stream_fault(s, p, "nothing");
	if (*p == ',') {
		s->at = object ? AT_NAME : AT_VALUE;
		return p + 1;
	}
	if (*p == (object ? '}' : ']'))
		return read_close(s, p);
	return stream_fault(s, p, object ? "a comma or a }" : "a comma or a ]");
}

/* A piece of a name that other pieces come with; too long ones match nothing. */
static void
name_add(struct stream *s, const char *from, size_t len)
{
	if (len >= NAME_ROOM - s->name_len)
		len = NAME_ROOM - 1 - s->name_len;
	memcpy(s->name_text + s->name_len, from, len);
	s->name_len += len;
}

static void
name_end(struct stream *s, const char *end)
{
	const char *name = s->name_from;
	size_t len = (size_t)(end - name);

	s->at = AT_COLON;
	if (s->skipping || (!s->inside && s->depth != 1))
		return;
	if (s->name_len > 0) {
		name_add(s, name, len);
		name = s->name_text;
		len = s->name_len;
	}
	s->named_skip = s->inside && name_is_skipped(s, name, len);
	if (!s->inside)
		snprintf(s->member, NAME_ROOM, "%.*s", (int)len, name);
}

static const char *
read_string(struct stream *s, const char *p)
{
	while (p < s->end && is(*p, PLAIN))
		p++;
	if (p == s->end)
		return p;
	if (*p == '\\') {
		s->at = AT_ESCAPE;
		return p + 1;
	}
	if (*p != '"')
		return stream_fault(s, p, "an escape of it");
	if (s->name)
		name_end(s, p);
	else
		value_end(s, p + 1);
	return p + 1;
}

static const char *
read_escape(struct stream *s, const char *p)
{
	if (s->at == AT_ESCAPE) {
		if (*p != 'u' && !is(*p, ESCAPED))
			return stream_fault(s, p, "an escape");
		s->hex = *p == 'u' ? 4 : 0;
	} else if (is(*p, HEX))
		s->hex--;
	else
		return stream_fault(s, p, "a hexadecimal digit");
	s->at = s->hex > 0 ? AT_HEX : AT_STRING;
	return p + 1;
}

static const char *
digits(const char *p)
{
	const char *from = p;

	while (is(*p, DIGIT))
		p++;
	return p == from ? "?" : p; /* a byte that ends no number */
}

static bool
word_is_good(const char *w)
{
	if (strcmp(w, "null") == 0 || strcmp(w, "true") == 0 ||
	    strcmp(w, "false") == 0)
		return true;
	if (*w == '-')
		w++;
	w = *w == '0' ? w + 1 : digits(w);
	if (*w == '.')
		w = digits(w + 1);
	if (*w == 'e' || *w == 'E') {
		w++;
		w = digits(*w == '+' || *w == '-' ? w + 1 : w);
	}
	return *w == '\0';
}

static const char *
read_word(struct stream *s, const char *p)
{
	for (; p < s->end && is(*p, WORD); p++) {
		if (s->word_len == WORD_ROOM - 1)
			return stream_fault(s, p, "a shorter number");
		s->word[s->word_len++] = *p;
	}
	if (p == s->end)
		return p;
	s->word[s->word_len] = '\0';
	if (!word_is_good(s->word))
		return stream_fault(s, p, "a value");
	value_end(s, p);
	return p;
}

static const char *(*const readers[])(struct stream *, const char *) = {
	[AT_VALUE] = read_value,
	[AT_ENTRY_OR_END] = read_value,
	[AT_NAME_OR_END] = read_name,
	[AT_NAME] = read_name,
	[AT_COLON] = read_colon,
	[AT_NEXT] = read_next,
	[AT_STRING] = read_string,
	[AT_ESCAPE] = read_escape,
	[AT_HEX] = read_escape,
	[AT_WORD] = read_word,
};

/* A watch has a value on each line: where a line's end is inside one, it is torn. */
static bool
is_blank(const struct stream *s, char c)
{
	return s->at < AT_STRING && is(c, BLANK) &&
	       (c != '\n' || s->depth == 0 || s->form == STREAM_LIST);
}

/* The door --------------------------------------------------------------------- */

int
stream_feed(struct stream *s, const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	if (s->at == AT_FAULT)
		return -1;
	s->data = data;
	s->end = end;
	s->run = s->inside && !s->skipping ? data : NULL;
	s->name_from = data;
	while (p != NULL && p < end)
		p = is_blank(s, *p) ? p + 1 : readers[s->at](s, p);
	if (p == NULL)
		return -1;
	run_end(s, end);
	if (s->at >= AT_STRING && s->name)
		name_add(s, s->name_from, (size_t)(end - s->name_from));
	s->before += len;
	return 0;
}

/* Does nothing begin that has not ended? */
bool
stream_is_whole(const struct stream *s)
{
	if (s->form == STREAM_LIST)
		return s->ended && s->at != AT_FAULT;
	return s->depth == 0 && s->at == AT_VALUE;
}

/* "" while all is well. */
const char *
stream_why(const struct stream *s)
{
	return s->why;
}

struct stream *
stream_new(enum stream_form form, const char *const *skip,
    void (*on_value)(void *arg, const char *name, struct json_object *value),
    void *arg)
{
	struct stream *s = k8s_alloc(sizeof(*s));

	s->form = form;
	s->on_value = on_value;
	s->arg = arg;
	s->tok = json_tokener_new_ex(VALUE_DEEP);
	if (s->tok == NULL)
		abort();
	for (; *skip != NULL && s->skips < SKIP_MAX; skip++, s->skips++) {
		s->skip[s->skips].name = k8s_copy(*skip);
		s->skip[s->skips].len = strlen(*skip);
	}
	return s;
}

void
stream_free(struct stream *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->skips; i++)
		free(s->skip[i].name);
	json_object_put(s->root);
	json_tokener_free(s->tok);
	free(s);
}
