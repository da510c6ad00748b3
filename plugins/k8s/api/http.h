/* SPDX-License-Identifier: ISC */
/* Inside the requests: a line to a server, and the words of what it answers. */
#ifndef K8S_API_HTTP_H
#define K8S_API_HTTP_H

#include <curl/curl.h>

#include "api.h"

/* libcurl.c: curl's functions may be called after this; or why they may not. */

const char *curl_load(void);
/* A connection's buffers stay with it, where the TLS library has that. */
void curl_keep_buffers(CURL *easy);

/* line.c: connections by one generation of a login, in the loop of the host ------- */

struct line;

/* on_turn: something may have ended. The line may be closed there. */
struct line *line_open(struct guest *guest, const struct login *login,
    void (*on_turn)(void *arg), void *arg);
/* Nothing is under way in it, and curl is not at work. */
void line_close(struct line *line);
unsigned line_generation(const struct line *line);
/* Curl is at work: its callbacks must not take requests away. */
bool line_is_inside(const struct line *line);
unsigned line_under_way(const struct line *line);

/* A handle that knows the server, method, path and body, which it borrows. */
CURL *line_take(struct line *line, const struct api_request *request);
void line_start(struct line *line, CURL *easy);
/* Takes it out, ended or not; its connection may be used again if it ended. */
void line_give(struct line *line, CURL *easy);
/* One that has ended, with how; NULL: none. */
CURL *line_ended(struct line *line, CURLcode *code);
/* One that was paused goes on: with what curl keeps of it, at once. */
void line_resume(struct line *line, CURL *easy);
/* What is to be done at once is done, rather than in the loop's next turn. */
void line_push(struct line *line);
/* Does what was started here and now, for so long, and tells nobody. */
void line_flush(struct line *line, int64_t ms);
/* The headers of every request with this login; to be freed. */
struct curl_slist *line_headers(
    const struct line *line, const struct login *login, const char *type);

/* ration.c: how much is read in one turn of the loop (pure) ------------------------- */

struct ration {
	size_t left;
	bool refused;	   /* somebody waits for the next one */
	bool rests;	   /* nothing was taken in this turn */
	int64_t rested_ms; /* since when */
};

void ration_renew(struct ration *ration);
bool ration_is_left(const struct ration *ration);
/* May they be read now? The last ones may be more than are left. */
bool ration_take(struct ration *ration, size_t len, int64_t now_ms);
/* Back to the loop: it renews itself there, unless somebody waits. */
void ration_rest(struct ration *ration, int64_t now_ms);

/* easy.c: who asks and whom curl tells, and what it knows in the end ------------------------------------------------ */

struct mishap;

struct kept {
	char *text; /* NUL behind it; NULL: nothing */
	size_t len, room;
};

/* Keeps what fits into max; the rest is dropped. */
void kept_add(struct kept *kept, const char *data, size_t len, size_t max);
/* Behind the list: "NAME: VALUE" in one, nothing where the value is NULL. */
struct curl_slist *header_add(
    struct curl_slist *list, const char *name, const char *value);
/* Who asks, and as whom: what is no header of basic authentication. */
struct curl_slist *header_add_login(
    struct curl_slist *list, const struct login *login);
/* Headers are borrowed. */
void easy_set(
    CURL *easy, const struct login *login, struct curl_slist *headers);
/* Whom it tells; on_header NULL: of no headers. detail: its last error. */
void easy_set_ears(CURL *easy, curl_write_callback on_data,
    curl_write_callback on_header, void *arg, char *detail);
int easy_status(CURL *easy);
int64_t easy_retry_after_ms(CURL *easy); /* -1: not said, or easy is NULL */
/* Completes it; its server may have more behind a blank. In plain words. */
void easy_mishap(CURL *easy, struct mishap *mishap, char *why, size_t size);

/* answer.c: in plain words (pure) ---------------------------------------------------- */

/* What curl knows of a request that had no answer. */
struct mishap {
	CURLcode code;
	long os_errno;
	long verify;	    /* of X509_V_ERR_...; 0: fine */
	const char *detail; /* curl's own words */
	const char *server;
	long connect_s; /* how long it was tried */
};

void mishap_tell(const struct mishap *mishap, char *why, size_t size);

/* Nothing came in time: of the whole, or of its next byte; more: behind it. */
void silence_tell(char *why, size_t size, const struct api_request *request,
    bool whole, const char *more);

/* Of an answer other than 2xx; text is of a Status, or anything. */
struct answer {
	char why[512], reason[64];
	int64_t retry_after_ms; /* -1: it does not say */
};

void answer_tell(
    struct answer *answer, int status, const char *text, size_t len);

#endif
