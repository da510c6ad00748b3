/* SPDX-License-Identifier: ISC */
/* Requests to an API server: started at once, answered by the loop. */

/*
 * A call waits, is under way in a line, has ended, and is answered. All but the
 * waiting is done in a turn of the loop: callbacks come from there, and from
 * curl when data come. What they cancel or close while curl is at work is taken
 * away when curl has returned.
 *
 * Curl reads on for as long as there is something: a call whose data come when
 * the turn's ration is used up is paused; its deadlines do not count that.
 *
 * One timer has the deadlines of all calls: it is set to the first of them and
 * looked at when it fires, so that a call that is answered in time costs none.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define FAULT_MAX (64 * 1024) /* what is kept of an answer other than 2xx */
#define FLUSH_MS  200	      /* the loop stands still for so long */
#define PAUSE_MS  1 /* till the next ration: turns are told apart by time */

/* clang-format off */
enum call_state {
	CALL_WAITING, CALL_RUNNING, CALL_PAUSED, CALL_ENDED, CALL_ANSWERED
};
/* clang-format on */

struct api_call {
	TAILQ_ENTRY(api_call) link;
	struct api *api;
	enum call_state state;
	bool cancelled;
	struct api_request request; /* path and body are own */
	struct line *line;	    /* while it is under way, so are these */
	CURL *easy;
	struct curl_slist *headers;
	unsigned version; /* of the login it was started with */
	int status;	  /* 0: no answer yet */
	int64_t started_ms, heard_ms, paused_ms;
	struct kept kept;
	char *why; /* it has ended without an answer */
	char detail[CURL_ERROR_SIZE];
};
TAILQ_HEAD(calls, api_call);

struct api {
	struct guest guest;
	struct logins *logins;
	/* The newest first; the others end with their last call. */
	struct line **lines;
	size_t line_count;
	struct calls calls[CALL_ANSWERED + 1]; /* by state */
	struct calls cancelled;		       /* while curl was at work */
	struct ration ration;
	struct bgpd_timer *timer;
	int64_t due_ms; /* 0: the timer is not set */
	bool turning, closed;
	const char *broken; /* there is no libcurl; NULL */
	char shown[300], trouble[512];
};

static void api_turn(void *arg);

/* The turn comes at that time or before. */
static void
api_wake(struct api *api, int64_t at_ms)
{
	int64_t now = guest_now_ms(&api->guest);

	if (api->due_ms != 0 && api->due_ms <= at_ms)
		return;
	api->due_ms = at_ms;
	api->guest.host->timer_start(api->timer, at_ms > now ? at_ms - now : 0);
}

/* Calls -------------------------------------------------------------------------------- */

static void
call_move(struct api_call *call, enum call_state state)
{
	TAILQ_REMOVE(&call->api->calls[call->state], call, link);
	call->state = state;
	TAILQ_INSERT_TAIL(&call->api->calls[state], call, link);
}

/* Its handle and headers back to where they came from. */
static void
call_unline(struct api_call *call)
{
	if (call->easy == NULL)
		return;
	line_give(call->line, call->easy);
	curl_slist_free_all(call->headers);
	call->easy = NULL;
	call->headers = NULL;
	call->line = NULL;
}

static void
call_free(struct api_call *call)
{
	call_unline(call);
	free((char *)(uintptr_t)call->request.path);
	free((char *)(uintptr_t)call->request.body);
	free(call->kept.text);
	free(call->why);
	free(call);
}

/* It ends without an answer. */
static void
call_end(struct api_call *call, const char *why)
{
	call_unline(call);
	call->status = 0;
	call->why = k8s_copy(why);
	call_move(call, CALL_ENDED);
}

static void
call_pause(struct api_call *call, int64_t now_ms)
{
	call->paused_ms = now_ms;
	call_move(call, CALL_PAUSED);
	api_wake(call->api, now_ms + PAUSE_MS);
}

static size_t
on_data(char *data, size_t one, size_t len, void *arg)
{
	struct api_call *call = arg;
	const struct api_request *request = &call->request;
	int64_t now_ms = guest_now_ms(&call->api->guest);

	if (call->cancelled)
		return 0; /* curl ends it */
	call->heard_ms = now_ms;
	if (!ration_take(&call->api->ration, one * len, now_ms)) {
		call_pause(call, now_ms);
		return CURL_WRITEFUNC_PAUSE;
	}
	if (call->status == 0)
		call->status = easy_status(call->easy);
	if (call->status / 100 != 2)
		kept_add(&call->kept, data, one * len, FAULT_MAX);
	else if (request->on_data == NULL)
		kept_add(&call->kept, data, one * len, request->keep_max);
	else if (len > 0)
		request->on_data(request->arg, data, one * len);
	return call->cancelled ? 0 : one * len;
}

static size_t
on_header(char *data, size_t one, size_t len, void *arg)
{
	struct api_call *call = arg;

	(void)data;
	call->heard_ms = guest_now_ms(&call->api->guest);
	return one * len;
}

/* Starting ----------------------------------------------------------------------------- */

/* The line of this login; older ones stay while they have calls. */
static struct line *
api_line(struct api *api, const struct login *login)
{
	if (api->line_count > 0 &&
	    line_generation(api->lines[0]) == login->generation)
		return api->lines[0];
	api->lines =
	    k8s_grow(api->lines, (api->line_count + 1) * sizeof(*api->lines));
	memmove(
	    api->lines + 1, api->lines, api->line_count * sizeof(*api->lines));
	api->line_count++;
	api->lines[0] = line_open(&api->guest, login, api_turn, api);
	snprintf(api->shown, sizeof(api->shown), "%s by %s", login->server,
	    login->where);
	return api->lines[0];
}

static void
lines_retire(struct api *api, bool all)
{
	size_t i, kept = 0;

	for (i = 0; i < api->line_count; i++) {
		if (!all && (i == 0 || line_under_way(api->lines[i]) > 0))
			api->lines[kept++] = api->lines[i];
		else
			line_close(api->lines[i]);
	}
	api->line_count = kept;
}

static void
call_start(struct api_call *call, const struct login *login)
{
	call->line = api_line(call->api, login);
	call->version = login->version;
	call->headers = line_headers(call->line, login, call->request.type);
	call->easy = line_take(call->line, &call->request);
	easy_set(call->easy, login, call->headers);
	easy_set_ears(call->easy, on_data,
	    call->request.silent_ms > 0 ? on_header : NULL, call, call->detail);
	call_move(call, CALL_RUNNING);
	line_start(call->line, call->easy);
}

/* Those that wait now; one without a login ends, and is answered next turn. */
static void
api_start_waiting(struct api *api)
{
	struct calls *waiting = &api->calls[CALL_WAITING];
	const struct login *login;
	struct api_call *call;
	const char *why = api->broken;

	if (TAILQ_EMPTY(waiting))
		return;
	login = why != NULL ? NULL : logins_get(api->logins, &why);
	if (login == NULL && logins_is_busy(api->logins))
		return;
	while ((call = TAILQ_FIRST(waiting)) != NULL) {
		if (login != NULL)
			call_start(call, login);
		else
			call_end(call, why);
	}
	if (login != NULL)
		line_push(api->lines[0]);
}

/* Answering ------------------------------------------------------------------------------ */

static void
call_mishap(struct api_call *call, CURLcode code)
{
	int64_t ms = guest_now_ms(&call->api->guest) - call->started_ms;
	struct mishap mishap = { .code = code,
		.detail = call->detail,
		.server = call->api->shown,
		.connect_s = (long)ms / 1000 };
	char why[512];

	easy_mishap(call->easy, &mishap, why, sizeof(why));
	call_end(call, why);
}

/* Curl is done with it: whole, or not. */
static void
call_took(struct api_call *call, CURLcode code)
{
	if (code != CURLE_OK) {
		call_mishap(call, code);
		return;
	}
	call->status = easy_status(call->easy);
	if (call->status == 401)
		logins_refused(call->api->logins, call->version);
	call_move(call, CALL_ENDED);
}

/* What the server itself is blamed for; a conflict, say, is no trouble. */
static void
api_note(struct api *api, const struct api_reply *reply)
{
	if (reply->status == 0 || reply->status == 401 ||
	    reply->status == 429 || reply->status >= 500)
		snprintf(api->trouble, sizeof(api->trouble), "%s", reply->why);
	else
		api->trouble[0] = '\0'; /* it speaks to us, be it a refusal */
}

static void
call_answer(struct api_call *call)
{
	struct api_reply reply = { .status = call->status,
		.reason = "",
		.body = call->kept.text != NULL ? call->kept.text : "",
		.len = call->kept.len,
		.why = call->why };
	struct answer answer;

	reply.retry_after_ms = easy_retry_after_ms(call->easy);
	if (call->status != 0 && call->status / 100 != 2) {
		answer_tell(&answer, call->status, reply.body, reply.len);
		reply.why = answer.why;
		reply.reason = answer.reason;
		if (reply.retry_after_ms == -1)
			reply.retry_after_ms = answer.retry_after_ms;
	}
	api_note(call->api, &reply);
	/* The connection is free for what on_done may start. */
	call_unline(call);
	call_move(call, CALL_ANSWERED);
	call->request.on_done(call->request.arg, &reply);
	TAILQ_REMOVE(&call->api->calls[CALL_ANSWERED], call, link);
	call_free(call);
}

/* Deadlines -------------------------------------------------------------------------------- */

/* When it is over if nothing comes; 0: never. */
static int64_t
call_due_ms(const struct api_call *call)
{
	const struct api_request *request = &call->request;
	int64_t whole = call->started_ms + request->timeout_ms;
	int64_t silent = call->heard_ms + request->silent_ms;

	if (request->silent_ms == 0)
		return request->timeout_ms > 0 ? whole : 0;
	return request->timeout_ms > 0 && whole < silent ? whole : silent;
}

static void
call_expire(struct api_call *call, int64_t now)
{
	const struct api_request *request = &call->request;
	bool whole = request->timeout_ms > 0 &&
		     now >= call->started_ms + request->timeout_ms;
	char text[512];
	const char *why = "";

	if (call->state == CALL_WAITING)
		logins_get(call->api->logins, &why);
	silence_tell(text, sizeof(text), request, whole, why);
	call_end(call, text);
}

/* Ends what is over by now, and wakes for what is next. */
static void
api_expire(struct api *api)
{
	int64_t now = guest_now_ms(&api->guest), due, first = 0;
	struct api_call *call, *next;
	unsigned state;

	for (state = CALL_WAITING; state <= CALL_RUNNING; state++) {
		TAILQ_FOREACH_SAFE (call, &api->calls[state], link, next) {
			due = call_due_ms(call);
			if (due != 0 && due <= now)
				call_expire(call, now);
			else if (due != 0 && (first == 0 || due < first))
				first = due;
		}
	}
	if (first != 0)
		api_wake(api, first);
}

/* The turn ----------------------------------------------------------------------------------- */

static void
calls_free(struct calls *calls)
{
	struct api_call *call;

	while ((call = TAILQ_FIRST(calls)) != NULL) {
		TAILQ_REMOVE(calls, call, link);
		call_free(call);
	}
}

/* Writes that wait are sent: they are last words, a lease given back. */
static void
api_flush(struct api *api)
{
	const struct login *login = NULL;
	struct api_call *call, *next;
	const char *why;

	TAILQ_FOREACH_SAFE (call, &api->calls[CALL_WAITING], link, next) {
		if (call->request.type == NULL || api->broken != NULL)
			continue;
		if (login == NULL &&
		    (login = logins_get(api->logins, &why)) == NULL)
			return;
		call->cancelled = true; /* nobody hears the answer */
		call_start(call, login);
	}
	if (login != NULL)
		line_flush(api->lines[0], FLUSH_MS);
}

static void
api_free(struct api *api)
{
	unsigned state;

	for (state = CALL_RUNNING; state <= CALL_ANSWERED; state++)
		calls_free(&api->calls[state]);
	calls_free(&api->cancelled);
	api_flush(api);
	calls_free(&api->calls[CALL_WAITING]);
	calls_free(&api->calls[CALL_RUNNING]);
	lines_retire(api, true);
	free(api->lines);
	logins_close(api->logins);
	api->guest.host->timer_free(api->timer);
	free(api);
}

static void
api_collect(struct api *api)
{
	struct api_call *call;
	CURLcode code;
	CURL *easy;
	size_t i;

	calls_free(&api->cancelled);
	for (i = 0; i < api->line_count; i++) {
		while ((easy = line_ended(api->lines[i], &code)) != NULL) {
			curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
			call_took(call, code);
		}
	}
}

/* Whoever calls this touches nothing after: it may all be closed. */
static void
api_turn(void *arg)
{
	struct api *api = arg;
	struct calls *ended = &api->calls[CALL_ENDED];
	struct api_call *call;

	if (api->turning)
		return;
	api->turning = true;
	if (!api->closed)
		api_collect(api);
	while (!api->closed && (call = TAILQ_FIRST(ended)) != NULL)
		call_answer(call);
	if (!api->closed)
		api_start_waiting(api);
	if (!api->closed)
		api_collect(api);
	api->turning = false;
	if (api->closed) {
		api_free(api);
		return;
	}
	lines_retire(api, false);
	ration_rest(&api->ration, guest_now_ms(&api->guest));
	if (!TAILQ_EMPTY(ended) || (!TAILQ_EMPTY(&api->calls[CALL_WAITING]) &&
				       !logins_is_busy(api->logins)))
		api_wake(api, guest_now_ms(&api->guest));
}

/* Those that were paused, for as long as the next ration lasts. */
static void
api_resume(struct api *api)
{
	struct calls *paused = &api->calls[CALL_PAUSED];
	struct api_call *call = TAILQ_FIRST(paused);
	int64_t now_ms = guest_now_ms(&api->guest);

	if (call != NULL && call->paused_ms < now_ms)
		ration_renew(&api->ration);
	while ((call = TAILQ_FIRST(paused)) != NULL &&
	       ration_is_left(&api->ration)) {
		call->started_ms += now_ms - call->paused_ms;
		call_move(call, CALL_RUNNING);
		line_resume(call->line, call->easy);
	}
	if (call != NULL)
		api_wake(api, now_ms + PAUSE_MS);
}

static void
on_time(void *arg)
{
	struct api *api = arg;

	api->due_ms = 0;
	api_expire(api);
	api_resume(api);
	api_turn(api);
}

static void
on_login(void *arg)
{
	struct api *api = arg;

	api_wake(api, guest_now_ms(&api->guest));
}

/* Doors ---------------------------------------------------------------------------------------- */

struct api_call *
api_start(struct api *api, const struct api_request *request)
{
	struct api_call *call = k8s_alloc(sizeof(*call));
	char *body;

	call->api = api;
	call->request = *request;
	call->request.path = k8s_copy(request->path);
	call->request.body = NULL;
	if (request->type != NULL) {
		body = k8s_alloc(request->len + 1);
		memcpy(body, request->body, request->len);
		call->request.body = body;
	}
	call->started_ms = call->heard_ms = guest_now_ms(&api->guest);
	TAILQ_INSERT_TAIL(&api->calls[CALL_WAITING], call, link);
	if (call_due_ms(call) != 0)
		api_wake(api, call_due_ms(call));
	if (!api->turning)
		api_wake(api, call->started_ms);
	return call;
}

void
api_cancel(struct api_call *call)
{
	struct api *api = call->api;

	if (call->state == CALL_ANSWERED || call->cancelled)
		return;
	call->cancelled = true;
	TAILQ_REMOVE(&api->calls[call->state], call, link);
	if (call->line == NULL || !line_is_inside(call->line))
		call_free(call);
	else
		TAILQ_INSERT_TAIL(&api->cancelled, call, link);
}

/* Is anything of it on the stack below? Then the turn frees it. */
static bool
api_is_inside(const struct api *api)
{
	bool inside = api->turning;
	size_t i;

	for (i = 0; i < api->line_count; i++)
		inside |= line_is_inside(api->lines[i]);
	return inside;
}

void
api_close(struct api *api)
{
	struct api_call *call;
	unsigned state;

	if (!api_is_inside(api)) {
		api_free(api);
		return;
	}
	api->closed = true;
	for (state = CALL_RUNNING; state < CALL_ANSWERED; state++) {
		while ((call = TAILQ_FIRST(&api->calls[state])) != NULL)
			api_cancel(call);
	}
}

struct api *
api_open(struct guest *guest, const char *kubeconfig)
{
	struct api *api = k8s_alloc(sizeof(*api));
	unsigned state;

	api->broken = curl_load();
	api->guest = *guest;
	for (state = CALL_WAITING; state <= CALL_ANSWERED; state++)
		TAILQ_INIT(&api->calls[state]);
	TAILQ_INIT(&api->cancelled);
	ration_renew(&api->ration);
	api->timer = guest->host->timer_new(guest->self, on_time, api);
	api->logins = logins_open(&api->guest, kubeconfig, on_login, api);
	snprintf(api->shown, sizeof(api->shown), "no API server yet");
	return api;
}

const char *
api_server(const struct api *api)
{
	return api->shown;
}

const char *
api_trouble(const struct api *api)
{
	return api->trouble[0] != '\0' ? api->trouble : NULL;
}
