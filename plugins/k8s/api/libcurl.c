/* SPDX-License-Identifier: ISC */
/* libcurl, loaded when an API server is first asked for, and not before. */

/*
 * A distribution's libcurl brings thirty libraries, 6 MB of resident memory that
 * a daemon without an API server has no use for. So the plugin does not link it:
 * the functions below have curl's names, hand over to curl, and are all that the
 * rooms beside this one call. Without this room, and linked with -lcurl, they
 * are the same.
 *
 * It stays loaded for ever: a thread of curl's that waits for a name server
 * outlives what asked for it, and must not lose its code with the plugin.
 */

#define CURL_DISABLE_TYPECHECK

#include <sys/mman.h>
#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"

/* Macros of curl's headers that only count arguments. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_share_setopt

#define SONAME "libcurl.so.4"

/* Each function that is used: what it returns, its name, what it is given. */
#define PLAIN_FUNCTIONS(F)                                                     \
	F(CURL *, curl_easy_init, (void), ())                                  \
	F(CURLcode, curl_easy_pause, (CURL * easy, int how), (easy, how))      \
	F(const char *, curl_easy_strerror, (CURLcode code), (code))           \
	F(CURLM *, curl_multi_init, (void), ())                                \
	F(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))             \
	F(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL * easy),      \
	    (multi, easy))                                                     \
	F(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL * easy),   \
	    (multi, easy))                                                     \
	F(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left),         \
	    (multi, left))                                                     \
	F(CURLMcode, curl_multi_socket_action,                                 \
	    (CURLM * multi, curl_socket_t fd, int what, int *running),         \
	    (multi, fd, what, running))                                        \
	F(CURLMcode, curl_multi_perform, (CURLM * multi, int *running),        \
	    (multi, running))                                                  \
	F(CURLMcode, curl_multi_poll,                                          \
	    (CURLM * multi, struct curl_waitfd * more, unsigned count, int ms, \
		int *ready),                                                   \
	    (multi, more, count, ms, ready))                                   \
	F(CURLSH *, curl_share_init, (void), ())                               \
	F(CURLSHcode, curl_share_cleanup, (CURLSH * share), (share))           \
	F(struct curl_slist *, curl_slist_append,                              \
	    (struct curl_slist * list, const char *text), (list, text))
#define VOID_FUNCTIONS(F)                                                      \
	F(curl_easy_cleanup, (CURL * easy), (easy))                            \
	F(curl_slist_free_all, (struct curl_slist * list), (list))

#define PLAIN_MEMBER(type, name, takes, gives) type(*name) takes;
#define VOID_MEMBER(name, takes, gives)	       void(*name) takes;
#define PLAIN_NAME(type, name, takes, gives)   #name,
#define VOID_NAME(name, takes, gives)	       #name,

static struct {
	PLAIN_FUNCTIONS(PLAIN_MEMBER)
	VOID_FUNCTIONS(VOID_MEMBER)
	CURLcode (*curl_easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*curl_easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLMcode (*curl_multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLSHcode (*curl_share_setopt)(
	    CURLSH *share, CURLSHoption option, ...);
	CURLcode (*curl_global_init)(long flags);
} lib;

/* In the order of the members above. */
static const char *const names[] = { PLAIN_FUNCTIONS(PLAIN_NAME) VOID_FUNCTIONS(
					 VOID_NAME) "curl_easy_setopt",
	"curl_easy_getinfo", "curl_multi_setopt", "curl_share_setopt",
	"curl_global_init" };

_Static_assert(sizeof(lib) == sizeof(names), "a name for each function");

/* clang-format off */
#define PLAIN_FUNCTION(type, name, takes, gives)                               \
	type name takes { return lib.name gives; }
#define VOID_FUNCTION(name, takes, gives)                                      \
	void name takes { lib.name gives; }
PLAIN_FUNCTIONS(PLAIN_FUNCTION)
VOID_FUNCTIONS(VOID_FUNCTION)
/* clang-format on */

/* The number of an option tells what it takes. */
CURLcode
curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	int kind = (int)option / 10000 * 10000;
	CURLcode code;
	va_list ap;

	va_start(ap, option);
	if (kind == CURLOPTTYPE_LONG)
		code = lib.curl_easy_setopt(easy, option, va_arg(ap, long));
	else if (kind == CURLOPTTYPE_OFF_T)
		code =
		    lib.curl_easy_setopt(easy, option, va_arg(ap, curl_off_t));
	else
		code = lib.curl_easy_setopt(easy, option, va_arg(ap, void *));
	va_end(ap);
	return code;
}

CURLcode
curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	CURLcode code;
	va_list ap;

	va_start(ap, info);
	code = lib.curl_easy_getinfo(easy, info, va_arg(ap, void *));
	va_end(ap);
	return code;
}

CURLMcode
curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
	CURLMcode code;
	va_list ap;

	va_start(ap, option);
	if ((int)option / 10000 * 10000 == CURLOPTTYPE_LONG)
		code = lib.curl_multi_setopt(multi, option, va_arg(ap, long));
	else
		code = lib.curl_multi_setopt(multi, option, va_arg(ap, void *));
	va_end(ap);
	return code;
}

CURLSHcode
curl_share_setopt(CURLSH *share, CURLSHoption option, ...)
{
	CURLSHcode code;
	va_list ap;

	/* CURLSHOPT_SHARE and _UNSHARE take an int, the others are not used. */
	va_start(ap, option);
	code = lib.curl_share_setopt(share, option, va_arg(ap, int));
	va_end(ap);
	return code;
}

/*
 * With OpenSSL, curl has a connection's buffers of 17 KB freed after each read
 * and made anew for the next: on a watch that is an eighth of what an event
 * costs, for memory that a daemon of two connections need not save.
 */
#define CLEAR_MODE	78   /* SSL_CTRL_CLEAR_MODE */
#define RELEASE_BUFFERS 0x10 /* SSL_MODE_RELEASE_BUFFERS */

static long (*context_control)(void *, int, long, void *);

static CURLcode
on_tls(CURL *easy, void *context, void *arg)
{
	(void)easy, (void)arg;
	context_control(context, CLEAR_MODE, RELEASE_BUFFERS, NULL);
	return CURLE_OK;
}

void
curl_keep_buffers(CURL *easy)
{
	if (context_control != NULL)
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

/* Loading --------------------------------------------------------------------- */

struct walk {
	unsigned at, from;
};

static int
on_count(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info, (void)size;
	(*(unsigned *)arg)++;
	return 0;
}

/*
 * Lets go of the pages of an object that can be read again from its file. Where
 * code may hold relocations (32 bits) they must stay.
 */
static int
on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin, end;
	struct walk *walk = arg;
	size_t i;

	(void)size;
	if (walk->at++ < walk->from || sizeof(void *) < 8)
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0)
			continue;
		begin = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);
		end = info->dlpi_addr + part->p_vaddr + part->p_filesz;
		madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

/* From that one on, as they were loaded. */
static void
libraries_drop(unsigned from)
{
	struct walk walk = { 0, from };

	dl_iterate_phdr(on_object, &walk);
}

/* GnuTLS comes along for what is never used: it need not set itself up. */
static void *
library_open(void)
{
	static const char lazy[] = "GNUTLS_NO_IMPLICIT_INIT";
	bool set = getenv(lazy) != NULL;
	void *handle;

	if (!set)
		setenv(lazy, "1", 0);
	handle = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (!set)
		unsetenv(lazy);
	return handle;
}

const char *
curl_load(void)
{
	static const char why[] =
	    SONAME " cannot be loaded; install the Debian package libcurl4";
	static bool loaded;
	unsigned from = 0;
	void *handle, *function;
	size_t i;

	if (loaded)
		return NULL;
	dl_iterate_phdr(on_count, &from);
	handle = library_open();
	if (handle == NULL)
		return why;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		function = dlsym(handle, names[i]);
		if (function == NULL)
			return why;
		memcpy((char *)&lib + i * sizeof(function), &function,
		    sizeof(function));
	}
	/* Another library of TLS than OpenSSL has no such function. */
	function = dlsym(handle, "SSL_CTX_ctrl");
	memcpy(&context_control, &function, sizeof(function));
	/* What it takes to load them is needed once, and so to set them up. */
	libraries_drop(from);
	if (lib.curl_global_init(CURL_GLOBAL_SSL) != CURLE_OK)
		return why;
	libraries_drop(from);
	loaded = true;
	return NULL;
}
