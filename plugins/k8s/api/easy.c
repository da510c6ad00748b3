/* SPDX-License-Identifier: ISC */
/* A request of curl's: who asks, whom it tells, and what it knows in the end. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define RETRY_MAX_S 86400

/* Who asks --------------------------------------------------------------------- */

struct curl_slist *
header_add(struct curl_slist *list, const char *name, const char *value)
{
	size_t size;
	char *text;

	if (value == NULL)
		return list;
	size = strlen(name) + strlen(value) + 1;
	text = k8s_alloc(size);
	snprintf(text, size, "%s%s", name, value);
	list = curl_slist_append(list, text);
	explicit_bzero(text, size);
	free(text);
	return list;
}

/* What a name of a header cannot hold is %XX in it, as client-go has it. */
static struct curl_slist *
header_add_extra(struct curl_slist *list, const char *key, const char *value)
{
	static const char legal[] = "!#$&'*+-.^_`|~";
	char *name = k8s_print("Impersonate-Extra-%s: ", key), *out;

	name = k8s_grow(name, 3 * strlen(name) + 1);
	out = strchr(name, ':') - strlen(key);
	for (; *key != '\0'; key++) {
		if (isalnum((unsigned char)*key) || strchr(legal, *key))
			*out++ = *key;
		else
			out += sprintf(out, "%%%02X", (unsigned char)*key);
	}
	strcpy(out, ": ");
	list = header_add(list, name, value);
	free(name);
	return list;
}

struct curl_slist *
header_add_login(struct curl_slist *list, const struct login *login)
{
	size_t i;

	list = header_add(list, "Authorization: Bearer ", login->token);
	list = header_add(list, "Impersonate-User: ", login->as_user);
	list = header_add(list, "Impersonate-Uid: ", login->as_uid);
	for (i = 0; login->as_groups != NULL && login->as_groups[i]; i++)
		list = header_add(
		    list, "Impersonate-Group: ", login->as_groups[i]);
	for (i = 0; login->as_extra != NULL && login->as_extra[i]; i += 2)
		list = header_add_extra(
		    list, login->as_extra[i], login->as_extra[i + 1]);
	return list;
}

/* All that differs from the request that had the handle before. */
void
easy_set(CURL *easy, const struct login *login, struct curl_slist *headers)
{
	bool basic = login->token == NULL;

	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_USERNAME, basic ? login->user : NULL);
	curl_easy_setopt(
	    easy, CURLOPT_PASSWORD, basic ? login->password : NULL);
}

void
easy_set_ears(CURL *easy, curl_write_callback on_data,
    curl_write_callback on_header, void *arg, char *detail)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, arg);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, arg);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(
	    easy, CURLOPT_HEADERDATA, on_header == NULL ? NULL : arg);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
}

void
kept_add(struct kept *kept, const char *data, size_t len, size_t max)
{
	if (len > max - kept->len)
		len = max - kept->len;
	if (kept->len + len + 1 > kept->room) {
		kept->room = 2 * kept->room + len + 1;
		kept->text = k8s_grow(kept->text, kept->room);
	}
	memcpy(kept->text + kept->len, data, len);
	kept->len += len;
	kept->text[kept->len] = '\0';
}

int
easy_status(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

int64_t
easy_retry_after_ms(CURL *easy)
{
	curl_off_t seconds = 0;

	if (easy == NULL)
		return -1;
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds <= 0)
		return -1;
	return (seconds < RETRY_MAX_S ? (int64_t)seconds : RETRY_MAX_S) * 1000;
}

void
easy_mishap(CURL *easy, struct mishap *mishap, char *why, size_t size)
{
	char *server = k8s_copy(mishap->server);

	server[strcspn(server, " ")] = '\0';
	mishap->server = server;
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &mishap->os_errno);
	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &mishap->verify);
	mishap_tell(mishap, why, size);
	free(server);
}
