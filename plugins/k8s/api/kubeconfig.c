/* SPDX-License-Identifier: ISC */
/* Kubeconfig files to a plan: which server, by which proof, as whom. */

/*
 * Several files are one book: of entries with the same name, and of the current
 * context, the first is taken. A path in a file is meant from where that file
 * is. Faults name the file, the line of the entry where it is known, and a cure.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "login.h"

#define EXEC_GROUP "client.authentication.k8s.io/"
#define EXTENSION  "client.authentication.k8s.io/exec"

struct book {
	struct plan *plan;
	struct page *pages;
	size_t count;
};

/* Pages ------------------------------------------------------------------------ */

static void
on_document(void *arg, struct json_object *root)
{
	struct json_object **first = arg;

	if (*first == NULL)
		*first = json_object_get(root);
}

static struct json_object *
page_parse(char *text, size_t len, struct fault *fault)
{
	struct json_object *root = NULL;

	/* JSON is nearly YAML: not with tabs, and not with \/ in a string. */
	if (text[strspn(text, " \t\r\n")] == '{' &&
	    (root = json_tokener_parse(text)) != NULL)
		return root;
	yaml_read(text, len, on_document, &root, fault);
	return root;
}

/* A file that is not there, or empty, is no page and no fault. */
static void
book_add(struct book *book, const char *path)
{
	struct fault fault = { 0, "" };
	struct json_object *root;
	size_t len;
	char *text = plan_file(book->plan, path, &len);

	if (text == NULL) {
		if (errno != ENOENT)
			plan_fail(book->plan, "kubeconfig %s: %s", path,
			    strerror(errno));
		return;
	}
	root = page_parse(text, len, &fault);
	explicit_bzero(text, len);
	free(text);
	if (fault.text[0] != '\0')
		plan_fail(book->plan, "kubeconfig %s:%u: %s", path, fault.line,
		    fault.text);
	else if (root != NULL && !json_object_is_type(root, json_type_object))
		plan_fail(book->plan,
		    "kubeconfig %s: it must be a mapping that begins with "
		    "\"kind: Config\"",
		    path);
	if (root == NULL || fault.text[0] != '\0') {
		json_object_put(root);
		return;
	}
	book->pages =
	    k8s_grow(book->pages, (book->count + 1) * sizeof(*book->pages));
	book->pages[book->count++] = (struct page){ k8s_copy(path), root };
}

static void
book_open(struct book *book, const char *paths)
{
	char *copy = k8s_copy(paths), *rest = copy, *path;

	while ((path = strsep(&rest, ":")) != NULL) {
		if (*path != '\0')
			book_add(book, path);
	}
	free(copy);
	if (book->count == 0)
		plan_fail(book->plan,
		    "kubeconfig %s: no such file, or nothing in it", paths);
}

static void
book_close(struct book *book)
{
	size_t i;

	for (i = 0; i < book->count; i++) {
		json_object_put(book->pages[i].root);
		free(book->pages[i].path);
	}
	free(book->pages);
}

/* The mapping of that name in a list of a page; NULL: it has none. */
static struct json_object *
page_find(const struct page *page, const char *list, const char *name)
{
	struct json_object *all, *item, *said;
	size_t i, count;

	if (!json_object_object_get_ex(page->root, list, &all) ||
	    !json_object_is_type(all, json_type_array))
		return NULL;
	count = json_object_array_length(all);
	for (i = 0; i < count; i++) {
		item = json_object_array_get_idx(all, i);
		if (json_object_is_type(item, json_type_object) &&
		    json_object_object_get_ex(item, "name", &said) &&
		    said != NULL &&
		    strcmp(json_object_get_string(said), name) == 0)
			return item;
	}
	return NULL;
}

/* what: "cluster", of the list "clusters". 0, or -1: the fault is told. */
static int
book_find(
    struct book *book, const char *what, const char *name, struct entry *entry)
{
	struct json_object *item = NULL;
	char list[16];
	size_t i;

	snprintf(list, sizeof(list), "%ss", what);
	for (i = 0; i < book->count && item == NULL; i++)
		item = page_find(&book->pages[i], list, name);
	if (item == NULL)
		return plan_fail(book->plan,
		    "kubeconfig %s: there is no %s \"%s\" in %s",
		    book->pages[0].path, what, name, list);
	*entry =
	    (struct entry){ book->plan, &book->pages[i - 1], item, what, name };
	if (!json_object_object_get_ex(item, what, &entry->map) ||
	    !json_object_is_type(entry->map, json_type_object)) {
		entry->map = item;
		return entry_fail_key(entry, what, " must be a mapping");
	}
	return 0;
}

/* A cluster --------------------------------------------------------------------------- */

static void
server_read(const struct entry *entry, struct login *login)
{
	const char *server = entry_text(entry, "server");
	size_t len;

	if (server == NULL) {
		entry_fail(
		    entry, "there is no server; say server: https://HOST:6443");
		return;
	}
	if (strncmp(server, "https://", 8) != 0 &&
	    strncmp(server, "http://", 7) != 0)
		entry_fail(
		    entry, "server must begin with https:// (or http://)");
	login->server = k8s_copy(server);
	len = strlen(login->server);
	while (len > 0 && login->server[len - 1] == '/')
		login->server[--len] = '\0';
}

static void
cluster_read(const struct entry *entry, struct login *login)
{
	server_read(entry, login);
	login->ca = entry_pem(entry, "certificate-authority", &login->ca_len);
	login->insecure = entry_bool(entry, "insecure-skip-tls-verify");
	login->tls_server_name = k8s_copy(entry_text(entry, "tls-server-name"));
	login->proxy_url = k8s_copy(entry_text(entry, "proxy-url"));
	if (login->insecure && login->ca != NULL)
		entry_fail(entry,
		    "certificate-authority and insecure-skip-tls-verify: true "
		    "exclude each other; leave out the latter");
}

/* What a cluster says to exec plugins, as JSON; NULL: nothing. */
static char *
cluster_config(const struct entry *entry)
{
	struct fault fault = { 0, "" };
	struct json_object *list, *item, *value;
	size_t count = tree_list(entry->map, "extensions", &fault, &list), i;
	const char *name;

	for (i = 0; i < count; i++) {
		item = tree_entry(list, i, "extensions", &fault);
		name = tree_text(item, "name", &fault);
		if (name != NULL && strcmp(name, EXTENSION) == 0 &&
		    json_object_object_get_ex(item, "extension", &value) &&
		    value != NULL)
			return k8s_copy(json_object_to_json_string_ext(
			    value, JSON_C_TO_STRING_PLAIN));
	}
	return NULL;
}

/* A user -------------------------------------------------------------------------------- */

static void
token_take(const struct entry *entry, struct login *login)
{
	const char *token = entry_text(entry, "token");
	const char *file = entry_text(entry, "tokenFile");
	char *text;
	size_t len;

	/* The file is newer than what was written beside its name. */
	if (file != NULL) {
		login->token_file = entry_path(entry, file);
		text = entry_file(entry, "tokenFile", file, &len);
		login->token = text == NULL ? NULL : token_read(text);
		if (text != NULL && login->token == NULL)
			entry_fail_key(
			    entry, "tokenFile", ": the file holds no token");
		free(text);
	} else if (token != NULL && (login->token = token_read(token)) == NULL)
		entry_fail(entry, "token must have no blanks inside");
}

static void
exec_version(const struct entry *entry, struct exec_plan *exec)
{
	const char *version = entry_text(entry, "apiVersion");

	if (version == NULL)
		version = "";
	if (strcmp(version, EXEC_GROUP "v1") != 0 &&
	    strcmp(version, EXEC_GROUP "v1beta1") != 0)
		entry_fail(entry,
		    "exec: apiVersion must be " EXEC_GROUP
		    "v1 or v1beta1; newer releases of the plugin know them");
	exec->version = k8s_copy(version);
}

static void
exec_env(const struct entry *entry, struct exec_plan *exec)
{
	struct fault fault = { 0, "" };
	struct json_object *list, *item;
	size_t count = tree_list(entry->map, "env", &fault, &list), i, n = 0;
	const char *name, *value;
	size_t size;

	count = count < LIST_MAX ? count : LIST_MAX;
	exec->env = k8s_alloc((count + 1) * sizeof(*exec->env));
	for (i = 0; i < count; i++) {
		item = tree_entry(list, i, "env", &fault);
		name = tree_text(item, "name", &fault);
		value = tree_text(item, "value", &fault);
		if (name == NULL || *name == '\0' || strchr(name, '=') ||
		    value == NULL) {
			tree_fault(&fault, "env", "a list of name and value");
			continue;
		}
		size = strlen(name) + strlen(value) + 2;
		exec->env[n] = k8s_alloc(size);
		snprintf(exec->env[n++], size, "%s=%s", name, value);
	}
	if (fault.text[0] != '\0')
		entry_fail_key(entry, "exec: ", fault.text);
}

/* A command with a slash is meant from where the file is, as other paths. */
static void
exec_take(const struct entry *user, const struct entry *cluster)
{
	struct entry entry = *user;
	struct exec_plan *exec;
	const char *command, *mode;
	char *path;

	if (!json_object_object_get_ex(user->map, "exec", &entry.map) ||
	    entry.map == NULL)
		return;
	if (!json_object_is_type(entry.map, json_type_object)) {
		entry_fail(user, "exec must be a mapping");
		return;
	}
	exec = user->plan->exec = k8s_alloc(sizeof(*exec));
	exec_version(&entry, exec);
	command = entry_text(&entry, "command");
	if (command == NULL)
		entry_fail(&entry, "exec: there is no command");
	path = command != NULL && strchr(command, '/') != NULL
		   ? entry_path(&entry, command)
		   : k8s_copy(command != NULL ? command : "");
	exec->argv = entry_list(&entry, "args", path);
	free(path);
	exec_env(&entry, exec);
	exec->hint = k8s_copy(
	    tree_text(entry.map, "installHint", &(struct fault){ 0, "" }));
	exec->wants_cluster = entry_bool(&entry, "provideClusterInfo");
	exec->config = cluster_config(cluster);
	mode = entry_text(&entry, "interactiveMode");
	if (mode != NULL && strcmp(mode, "Always") == 0)
		entry_fail(&entry,
		    "exec: interactiveMode Always asks somebody at a terminal, "
		    "and a daemon has none; use a token or a certificate");
}

/* Every value of every key of as-user-extra. */
static char **
extra_read(const struct entry *entry)
{
	struct fault fault = { 0, "" };
	struct entry extra = *entry;
	char **all = k8s_alloc((2 * LIST_MAX + 1) * sizeof(*all)), **list;
	size_t i, n = 0;

	extra.map = tree_map(entry->map, "as-user-extra", &fault);
	if (fault.text[0] != '\0')
		entry_fail(entry, fault.text);
	if (extra.map == NULL)
		return all;
	json_object_object_foreach(extra.map, key, unused)
	{
		(void)unused;
		list = entry_list(&extra, key, NULL);
		for (i = 0; list[i] != NULL && n < 2 * LIST_MAX; i++) {
			all[n++] = k8s_copy(key);
			all[n++] = k8s_copy(list[i]);
		}
		list_free(list);
	}
	return all;
}

static void
as_read(const struct entry *entry, struct login *login)
{
	char **const lists[] = { login->as_groups =
				     entry_list(entry, "as-groups", NULL),
		login->as_extra = extra_read(entry) };
	size_t i, k;

	login->as_user = k8s_copy(entry_text(entry, "as"));
	login->as_uid = k8s_copy(entry_text(entry, "as-uid"));
	if (login->as_user == NULL &&
	    (login->as_uid != NULL || *lists[0] != NULL || *lists[1] != NULL))
		entry_fail(
		    entry, "as-uid, as-groups and as-user-extra need as");
	for (i = 0; i < 2; i++) {
		for (k = 0; lists[i][k] != NULL; k++) {
			if (!entry_is_line(lists[i][k]))
				entry_fail(entry,
				    "as-groups and as-user-extra must be "
				    "lines, not empty, without control "
				    "characters");
		}
	}
}

static void
user_read(const struct entry *entry, struct login *login)
{
	const char *name, *password;

	token_take(entry, login);
	login->cert = entry_pem(entry, "client-certificate", &login->cert_len);
	login->key = entry_pem(entry, "client-key", &login->key_len);
	if ((login->cert == NULL) != (login->key == NULL))
		entry_fail(entry, login->key == NULL
				      ? "client-certificate needs client-key"
				      : "client-key needs client-certificate");
	name = entry_text(entry, "username");
	password = entry_text(entry, "password");
	login->user = k8s_copy(name);
	login->password =
	    k8s_copy(name != NULL && password == NULL ? "" : password);
	as_read(entry, login);
	if (json_object_object_get_ex(entry->map, "auth-provider", NULL))
		entry_fail(entry,
		    "auth-provider is of the past; use exec, a token or a "
		    "certificate");
}

/* A context --------------------------------------------------------------------------------- */

/* The first that says one; NULL: a fault. */
static const char *
book_context(struct book *book)
{
	struct fault fault = { 0, "" };
	const char *name = NULL;
	size_t i;

	for (i = 0; i < book->count; i++) {
		name =
		    tree_text(book->pages[i].root, "current-context", &fault);
		if (name != NULL && *name != '\0')
			return name;
	}
	plan_fail(book->plan,
	    "kubeconfig %s: it has no current-context; choose one: "
	    "kubectl config use-context NAME",
	    book->pages[0].path);
	return NULL;
}

static void
context_read(struct book *book, const char *name)
{
	struct login *login = &book->plan->login;
	struct entry context, cluster, user;
	const char *of;

	if (book_find(book, "context", name, &context) == -1)
		return;
	login->where = k8s_copy(context.page->path);
	login->space = k8s_copy(entry_text(&context, "namespace"));
	of = entry_text(&context, "cluster");
	if (of == NULL) {
		entry_fail(&context, "there is no cluster");
		return;
	}
	if (book_find(book, "cluster", of, &cluster) == -1)
		return;
	cluster_read(&cluster, login);
	of = entry_text(&context, "user");
	if (of == NULL || book_find(book, "user", of, &user) == -1)
		return;
	user_read(&user, login);
	exec_take(&user, &cluster);
}

int
kubeconfig_read(struct plan *plan, const char *paths)
{
	struct book book = { plan, NULL, 0 };
	const char *name;

	book_open(&book, paths);
	if (plan->why[0] == '\0' && (name = book_context(&book)) != NULL)
		context_read(&book, name);
	book_close(&book);
	return plan->why[0] == '\0' ? 0 : -1;
}
