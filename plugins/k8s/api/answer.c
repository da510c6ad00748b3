/* SPDX-License-Identifier: ISC */
/* What went wrong with a request, in plain words and with the cure. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "http.h"

#define STATUS_MAX   (64 * 1024)
#define CONNECT_HINT "is the API server running there, and nothing in between?"

/* No answer --------------------------------------------------------------------- */

/*
 * %s: the server, then the detail. Codes are of curl; what is not in the table
 * is told in curl's words.
 */
static const struct {
	CURLcode code;
	const char *text;
} mishaps[] = {
	{ CURLE_COULDNT_RESOLVE_HOST,
	    "%s: its name cannot be resolved; check `server` in the "
	    "kubeconfig, and /etc/resolv.conf" },
	{ CURLE_COULDNT_RESOLVE_PROXY,
	    "%s: the name of the proxy cannot be resolved; check proxy-url, "
	    "or $HTTPS_PROXY" },
	{ CURLE_PROXY,
	    "%s: the proxy lets nobody through (%s); check proxy-url, or "
	    "$HTTPS_PROXY and $NO_PROXY" },
	{ CURLE_URL_MALFORMAT,
	    "%s: this is no address of a server; say https://HOST:PORT" },
	{ CURLE_SSL_CACERT_BADFILE,
	    "%s: the certificate authority is no certificate in PEM (%s)" },
	{ CURLE_SSL_CERTPROBLEM,
	    "%s: the client certificate or its key cannot be used (%s); do "
	    "they belong together?" },
	{ CURLE_SSL_CONNECT_ERROR,
	    "%s: no TLS with it (%s); is it an https port, and does it want "
	    "a client certificate?" },
	{ CURLE_GOT_NOTHING,
	    "%s: the connection was closed without an answer" },
	{ CURLE_PARTIAL_FILE,
	    "%s: the connection was cut in the middle of an answer" },
	{ CURLE_RECV_ERROR, "%s: the connection was cut (%s)" },
	{ CURLE_SEND_ERROR, "%s: the connection was cut (%s)" },
	{ CURLE_WEIRD_SERVER_REPLY,
	    "%s: what answers there does not speak HTTP" },
	{ CURLE_UNSUPPORTED_PROTOCOL,
	    "%s: what answers there does not speak HTTP" },
	{ CURLE_HTTP2, "%s: the connection was cut (%s)" },
	{ CURLE_HTTP2_STREAM, "%s: the connection was cut (%s)" },
	{ CURLE_OUT_OF_MEMORY, "%s: no memory" },
};

/* Results of OpenSSL's verification, of which the cure is another. */
static const struct {
	long verify;
	const char *text;
} distrusts[] = {
	{ 9, "its certificate is not valid yet; is the clock right here?" },
	{ 10, "its certificate has expired; renew it, or is the clock wrong?" },
	{ 62, "its certificate is not for this name; use one of its names, or "
	      "tls-server-name" },
	{ 64, "its certificate is not for this address; use one of its names, "
	      "or tls-server-name" },
};

static void
distrust_tell(const struct mishap *m, char *why, size_t size)
{
	const char *text = "its certificate is not signed by the certificate "
			   "authority of this login; is that the one of this "
			   "cluster?";
	size_t i;

	if (m->verify <= 1) /* the chain was good, or has not been judged */
		text = distrusts[2].text;
	for (i = 0; i < sizeof(distrusts) / sizeof(distrusts[0]); i++) {
		if (distrusts[i].verify == m->verify)
			text = distrusts[i].text;
	}
	snprintf(why, size, "%s: %s (%s)", m->server, text, m->detail);
}

static void
connect_tell(const struct mishap *m, char *why, size_t size)
{
	snprintf(why, size, "%s: no connection: %s; %s", m->server,
	    m->os_errno != 0 ? strerror((int)m->os_errno) : m->detail,
	    CONNECT_HINT);
}

/* One line in place of many, and nothing that a terminal would obey. */
static void
text_clean(char *text)
{
	for (; *text != '\0'; text++) {
		if (iscntrl((unsigned char)*text))
			*text = ' ';
	}
}

void
mishap_tell(const struct mishap *m, char *why, size_t size)
{
	const char *format = NULL;
	size_t i;

	for (i = 0; i < sizeof(mishaps) / sizeof(mishaps[0]); i++) {
		if (mishaps[i].code == m->code)
			format = mishaps[i].text;
	}
	if (m->code == CURLE_PEER_FAILED_VERIFICATION)
		distrust_tell(m, why, size);
	else if (m->code == CURLE_COULDNT_CONNECT)
		connect_tell(m, why, size);
	else if (m->code == CURLE_OPERATION_TIMEDOUT)
		snprintf(why, size, "%s: no connection within %ld s; %s",
		    m->server, m->connect_s, CONNECT_HINT);
	else if (format == NULL)
		snprintf(why, size, "%s: %s", m->server,
		    *m->detail != '\0' ? m->detail
				       : curl_easy_strerror(m->code));
	else
		/* NOLINT: of the table above */
		snprintf(why, size, format, m->server, m->detail);
	text_clean(why);
}

/* An answer that is none of 2xx ---------------------------------------------------- */

static const struct {
	int status;
	const char *hint; /* where the server's words are not enough */
} hints[] = {
	{ 401, "the token or certificate is not accepted; has it expired?" },
};

static void
status_take(
    struct answer *answer, struct json_object *root, const char **message)
{
	struct fault fault = { 0, "" };
	struct json_object *details = tree_map(root, "details", &fault), *after;
	const char *reason = tree_text(root, "reason", &fault);

	*message = tree_text(root, "message", &fault);
	if (reason != NULL)
		snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
	if (json_object_object_get_ex(details, "retryAfterSeconds", &after) &&
	    json_object_get_int64(after) > 0 &&
	    json_object_get_int64(after) < 86400)
		answer->retry_after_ms = json_object_get_int64(after) * 1000;
}

void
silence_tell(char *why, size_t size, const struct api_request *request,
    bool whole, const char *more)
{
	int64_t ms = whole ? request->timeout_ms : request->silent_ms;

	snprintf(why, size, "%s %lld s%s%s",
	    whole ? "no answer within" : "no byte for", (long long)ms / 1000,
	    *more != '\0' ? ": " : "", more);
}

void
answer_tell(struct answer *answer, int status, const char *text, size_t len)
{
	struct json_object *root =
	    len > STATUS_MAX ? NULL : tree_parse(text, len);
	const char *message = NULL, *hint = NULL;
	size_t i;

	answer->reason[0] = '\0';
	answer->retry_after_ms = -1;
	if (root != NULL)
		status_take(answer, root, &message);
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i].status == status)
			hint = hints[i].hint;
	}
	if (message != NULL && *message != '\0')
		snprintf(answer->why, sizeof(answer->why), "HTTP %d: %s%s%s",
		    status, message, hint != NULL ? "; " : "",
		    hint != NULL ? hint : "");
	else
		snprintf(answer->why, sizeof(answer->why), "HTTP %d: %.*s",
		    status, len < 200 ? (int)len : 200, len > 0 ? text : "-");
	text_clean(answer->why);
	json_object_put(root);
}

/* Paths ------------------------------------------------------------------------------ */

char *
api_path_add(char *path, const char *key, const char *value)
{
	static const char plain[] = "-._~";
	size_t size = strlen(path) + strlen(key) + 3 * strlen(value) + 3;
	bool first = strchr(path, '?') == NULL;
	char *out;

	path = k8s_grow(path, size);
	out = path + strlen(path);
	out += sprintf(out, "%c%s=", first ? '?' : '&', key);
	for (; *value != '\0'; value++) {
		if (isalnum((unsigned char)*value) ||
		    strchr(plain, *value) != NULL)
			*out++ = *value;
		else
			out += sprintf(out, "%%%02X", (unsigned char)*value);
	}
	*out = '\0';
	return path;
}
