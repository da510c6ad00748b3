/* SPDX-License-Identifier: ISC */
/* What the rooms of the shell share. It speaks text to bgpd, no code is shared. */
#ifndef BGPSH_H
#define BGPSH_H

#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Set by SIGINT and SIGTSTP; who acts on it clears it. */
extern volatile sig_atomic_t was_interrupted, was_suspended;

/* client.c: the control socket -------------------------------------------- */

enum answer {
	ANSWER_OK,
	ANSWER_FAILED, /* the line, not the connection */
	ANSWER_OVER,   /* the session has ended, as asked */
	ANSWER_LOST,   /* the daemon is gone */
};

struct client {
	const char *path;
	int fd; /* -1: not connected */
	char prompt[256];
	/* A log line of `terminal monitor`; may come at any time. */
	void (*on_log)(const char *line);
	char *in; /* read, not taken yet */
	size_t len, capacity;
};

/* 0, or -1 with errno. */
int client_connect(struct client *c);
void client_close(struct client *c);
/* One request; each piece of the answer is handed on. */
enum answer client_ask(struct client *c, char verb, const char *line,
    void (*on_text)(void *arg, const char *text, size_t len), void *arg);
/* What came while nothing was asked: log lines. -1: the daemon is gone. */
int client_idle(struct client *c);

/* page.c: output through a filter and a pager ------------------------------ */

struct page {
	FILE *to, *pager;
	char *text; /* held until it is known where it goes */
	size_t len, capacity;
	size_t held_lines, screen; /* 0: no pager */
	bool streaming;
	int filter; /* 0: none */
	regex_t regex;
	bool begun, seen, raw;
	size_t count;
	char *partial; /* a line whose end has not come */
	size_t partial_len, partial_capacity;
};

/*
 * Cuts "| include REGEX" off the line. 0, or -1 with a message on stderr. The
 * page holds up to `hold` bytes back until page_end says where they go.
 */
int page_begin(struct page *p, char *line, size_t screen);
void page_text(void *arg, const char *text, size_t len);
void page_end(struct page *p, bool failed);

/* terminal.c: the line editor ---------------------------------------------- */

/* Until the session ends: the exit status. */
int terminal_run(struct client *c, const char *name);

#endif
