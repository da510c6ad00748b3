/* SPDX-License-Identifier: ISC */
/* Inside a stream: the scanner's place, and the value under way. */
#ifndef FAIRWAY_K8S_EXTRACT_H
#define FAIRWAY_K8S_EXTRACT_H

#include "api.h"

#define DEPTH_MAX 8192 /* deeper is no JSON of an API server */
#define STAGE	  4096
#define NAME_ROOM 128
#define WORD_ROOM 64
#define SKIP_MAX  8

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
	bool type, deleted;   /* of a watch: the value is `type`; it says so */
	unsigned hex;	      /* digits that must come */
	unsigned depth;
	uint8_t objects[DEPTH_MAX / 8]; /* a bit for each depth: { and not [ */
	size_t name_len, word_len;	/* of those in pieces; over: too long */
	char name_text[NAME_ROOM], word[WORD_ROOM];
	const char *name_from; /* or that of a text; in this piece */

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

/* stream.c: what must stand where a word began, or at p. Returns NULL. */

const char *stream_fault(struct stream *s, const char *p, const char *must);

/* extract.c: what is kept of the values, and goes to json-c and the reader ------- */

void extract_open(struct stream *s);
void extract_close(struct stream *s);
/* What has been read up to here, since the run began, is kept. */
void extract_run_end(struct stream *s, const char *end);
/* The name of a member inside a value, or beside one, was read. */
void extract_name(struct stream *s, const char *name, size_t len);
/* Does it ask for the text under way, of a member of a watch's event? */
bool extract_asks(const struct stream *s);
void extract_text(struct stream *s, const char *text, size_t len);
/* A value begins at p. 0; -1: told what is wrong. */
int extract_begin(struct stream *s, const char *p);
/* A value ended before p. */
void extract_end(struct stream *s, const char *p);

#endif
