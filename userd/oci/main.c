// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-oci-hook: a vTPM of a container's own, for as long as the container runs.
 *
 *	precreate	reads config.json, asks vtpmd for a vTPM, writes config.json with it:
 *			two bind mounts, two lines for the device cgroup, and the
 *	poststop	hook, which has vtpmd remove it
 *
 * Either way vtpmd powers it on with the launch measured: image and configuration. A
 * vTPM that was named instead is one that stays, and has no poststop.
 *
 * The name of the vTPM is made from the container's root: a second start of a container whose
 * first one failed finds what is left of it, and begins with a new one. Where another container
 * runs on the same root, a number is added. What is left of
 * containers that are gone is removed by the next start of any of that user (record.h).
 *
 * It is trusted with what its caller is: to have vtpmd do anything. What it reads is written
 * by the container engine. A container whose vTPM cannot be had does not start.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "base/log.h"
#include "oci/ask.h"
#include "oci/config.h"
#include "oci/image.h"
#include "oci/mount.h"
#include "oci/record.h"

#define PREFIX	    "ct-"
#define NAME_DIGITS 32
/* Containers on one root at a time */
#define SAME_ROOT_MAX 64
#define NAME_SIZE     (sizeof(PREFIX) + NAME_DIGITS + sizeof("-63"))

enum {
	OPTION_RUNTIME_DIR = 1,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"vtpm-oci-hook: a vTPM for a container, made with it and removed with it\n"
	"\n"
	"usage: vtpm-oci-hook [OPTION...] precreate\n"
	"       vtpm-oci-hook [OPTION...] poststop NAME\n"
	"\n"
	"  --runtime-dir DIR  where vtpmd is (/run/vtpm)\n"
	"  --help             this\n"
	"\n"
	"precreate reads config.json of a container from standard input and writes it to\n"
	"standard output. A container with the annotation " CONFIG_WANTED "=new gets a vTPM of\n"
	"its own, with " CONFIG_WANTED "=NAME that one.\n"
	"\n"
	"exit status: 0 done; 1 it failed, and says why; 2 usage.\n";

static const char *runtime_dir = "/run/vtpm";

/* Return: the status of HTTP, or -errno; both have been explained where they are no success. */
static int ask_vtpmd(const char *method, const char *path, json_t *body, int also,
		     json_t **ret_answer)
{
	char socket[PATH_MAX];
	const char *detail, *next;
	json_t *answer;
	int status;

	snprintf(socket, sizeof(socket), "%s/api.sock", runtime_dir);
	status = ask(socket, method, path, body, &answer);
	if (status == -EINVAL) {
		log_line("an annotation has something else than the name of a vTPM");
	} else if (status < 0) {
		log_line("vtpmd at %s: %s; does it run, and may user %u use it?", socket,
			 strerror(-status), getuid());
	} else if (status / 100 != 2 && status != also) {
		detail = json_string_value(json_object_get(answer, "detail"));
		next = json_string_value(json_object_get(answer, "next"));
		log_line("%s%s%s", detail ? detail : "vtpmd refuses", next ? "; next: " : "",
			 next ? next : "");
	}
	if (ret_answer)
		*ret_answer = answer;
	else
		json_decref(answer);
	return status;
}

/* Where records are: all who may ask vtpmd may write there. */
static const char *record_dir(void)
{
	static char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/containers", runtime_dir);
	return dir;
}

static bool is_ours(const char *name)
{
	return !strncmp(name, PREFIX, strlen(PREFIX)) && !strchr(name, '/') && strlen(name) < 64;
}

static bool remove_vtpm(const char *name)
{
	char path[128];
	int status;

	snprintf(path, sizeof(path), "/v1/vtpms/%s", name);
	status = ask_vtpmd("DELETE", path, NULL, 404, NULL);
	if (status != 204 && status != 404)
		return false;
	record_drop(record_dir(), name);
	return true;
}

static void remove_orphan(const char *name)
{
	if (is_ours(name) && remove_vtpm(name))
		log_line("removed '%s': its container is gone", name);
}

/* What to measure. Return: NULL: it is not known, which has been said */
static json_t *launch_of(const json_t *config)
{
	const char *declared = config_annotation(config, CONFIG_IMAGE);
	const char *restart = config_annotation(config, CONFIG_RESTART);
	char image[72], configuration[72], rootfs[PATH_MAX];
	int r = config_root(config, rootfs, sizeof(rootfs));

	if (r)
		snprintf(rootfs, sizeof(rootfs), "a container without a root");
	else
		r = image_of(rootfs, image, sizeof(image));
	if (r == -EBADMSG || (r && !declared)) {
		log_line("no image is known for %s: say which by the annotation %s=sha256:DIGEST",
			 rootfs, CONFIG_IMAGE);
		return NULL;
	}
	if (config_digest(config, configuration, sizeof(configuration))) {
		log_line("no memory for the digest of the configuration");
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s}", "image", r ? declared : image, "configuration",
			 configuration, "restart", restart ? restart : "reset");
}

/* Return: the vTPM, powered on with its launch measured; NULL: it is not, which has been said */
static json_t *launch(const char *name, json_t *what)
{
	json_t *answer = NULL;
	char path[128];
	int status;

	if (!what)
		return NULL;
	if (snprintf(path, sizeof(path), "/v1/vtpms/%s/launch", name) >= (int)sizeof(path)) {
		json_decref(what);
		log_line("'%s' is no name of a vTPM", name);
		return NULL;
	}
	status = ask_vtpmd("POST", path, what, 0, &answer);
	if (status == 200)
		return answer;
	json_decref(answer);
	return NULL;
}

/* Who cannot be asked about is. */
static bool is_in_use(const char *name)
{
	const char *node;
	char path[128];
	json_t *vtpm;
	bool used;
	int status;

	snprintf(path, sizeof(path), "/v1/vtpms/%s", name);
	status = ask_vtpmd("GET", path, NULL, 404, &vtpm);
	node = json_string_value(json_array_get(json_object_get(vtpm, "devices"), 0));
	used = status == 200 ? node && mount_is_anywhere("/proc", node) : status != 404;
	json_decref(vtpm);
	return used;
}

enum made {
	MADE,	  /* it is there, powered off */
	MADE_NOT, /* why has been said */
	MADE_TAKEN,
};

static enum made make_vtpm(const json_t *config, const char *name)
{
	json_t *body;
	uid_t uid;
	gid_t gid;
	int status;

	if (config_user(config, &uid, &gid)) {
		log_line("the container's user is nobody on this host: look at its user namespace");
		return MADE_NOT;
	}
	body = json_pack("{s:s, s:I, s:I, s:b}", "name", name, "owner", (json_int_t)uid, "group",
			 (json_int_t)gid, "start", 0);
	status = ask_vtpmd("POST", "/v1/vtpms", json_incref(body), 409, NULL);
	if (status == 409 && is_in_use(name)) {
		json_decref(body);
		return MADE_TAKEN;
	}
	if (status == 409 && remove_vtpm(name))
		status = ask_vtpmd("POST", "/v1/vtpms", json_incref(body), 0, NULL);
	json_decref(body);
	return status == 201 ? MADE : MADE_NOT;
}

static void name_of(const char *rootfs, unsigned int number, char ret[NAME_SIZE])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256((const uint8_t *)rootfs, strlen(rootfs), digest);
	ret += snprintf(ret, sizeof(PREFIX), PREFIX);
	for (size_t i = 0; i < NAME_DIGITS / 2; i++)
		ret += snprintf(ret, 3, "%02x", digest[i]);
	if (number)
		snprintf(ret, sizeof("-63"), "-%u", number);
}

static bool add_vtpm(json_t *config, const char *name, const json_t *vtpm)
{
	const json_t *nodes = json_object_get(vtpm, "devices");
	const char *raw = json_string_value(json_array_get(nodes, 0));
	const char *rm = json_string_value(json_array_get(nodes, 1));
	int r;

	if (!raw || !rm) {
		log_line("'%s' has no nodes: it needs the front end device", name);
		return false;
	}
	r = config_add_vtpm(config, name, raw, rm);
	if (r)
		log_line("'%s' cannot be given to the container: %s", name, strerror(-r));
	return !r;
}

static bool add_poststop(json_t *config, const char *name)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0) {
		log_line("/proc/self/exe: %s", strerror(errno));
		return false;
	}
	self[length] = '\0';
	return !config_add_poststop(config, json_pack("[s, s, s, s, s]", self, "--runtime-dir",
						      runtime_dir, "poststop", name));
}

static bool give(json_t *config, const char *name)
{
	json_t *vtpm = launch(name, launch_of(config));
	bool good = vtpm && add_vtpm(config, name, vtpm);

	json_decref(vtpm);
	return good;
}

/* Whose vTPM it gets is not for the image to say. */
static bool is_named_by_image(const json_t *config)
{
	char rootfs[PATH_MAX], image[72];
	int r = 0;

	if (!config_root(config, rootfs, sizeof(rootfs)) &&
	    !image_of(rootfs, image, sizeof(image)))
		r = image_annotates(rootfs, image, CONFIG_WANTED);
	if (r)
		log_line("%s: give it the vTPM by --device instead",
			 r < 0 ? "the image's own annotations cannot be read" :
				 "the image itself has the annotation " CONFIG_WANTED);
	return r;
}

static bool give_named(json_t *config, const char *name)
{
	return !is_named_by_image(config) && give(config, name);
}

/* One that no other container of this root has. Return: why there is none has been said */
static bool make_own(const json_t *config, const char *rootfs, char name[NAME_SIZE])
{
	for (unsigned int number = 0; number < SAME_ROOT_MAX; number++) {
		enum made made;
		int r;

		name_of(rootfs, number, name);
		r = record_take(record_dir(), name, rootfs, is_in_use);
		if (r == RECORD_TAKEN)
			continue;
		if (r) {
			log_line("%s: %s; does vtpmd run, and may user %u use it?", record_dir(),
				 strerror(-r), getuid());
			return false;
		}
		made = make_vtpm(config, name);
		if (made == MADE)
			return true;
		if (made == MADE_NOT) {
			record_drop(record_dir(), name);
			return false;
		}
	}
	log_line("%d containers run on %s: stop one first", SAME_ROOT_MAX, rootfs);
	return false;
}

static bool give_new(json_t *config)
{
	char rootfs[PATH_MAX], name[NAME_SIZE];
	int r = config_root(config, rootfs, sizeof(rootfs));

	if (r) {
		log_line("config.json names no root that is one: is it one of a container?");
		return false;
	}
	record_each_orphan(record_dir(), remove_orphan);
	if (!make_own(config, rootfs, name))
		return false;
	if (give(config, name) && add_poststop(config, name))
		return true;
	remove_vtpm(name);
	return false;
}

static int precreate(void)
{
	json_error_t error;
	json_t *config = json_loadf(stdin, 0, &error);
	const char *wanted = config_annotation(config, CONFIG_WANTED);
	bool good = true;

	if (!config) {
		log_line("config.json is no JSON: line %d: %s", error.line, error.text);
		return 1;
	}
	if (wanted)
		good = strcmp(wanted, "new") ? give_named(config, wanted) : give_new(config);
	if (good && (json_dumpf(config, stdout, JSON_COMPACT) || fflush(stdout))) {
		log_line("config.json cannot be written: %s", strerror(errno));
		good = false;
	}
	json_decref(config);
	return good ? 0 : 1;
}

/* The state of the container comes on standard input; whoever writes it wants it read. */
static int poststop(const char *name)
{
	char buffer[4096];

	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	if (!is_ours(name)) {
		log_line("'%s' is not one of ours, and stays", name);
		return 2;
	}
	return remove_vtpm(name) ? 0 : 1;
}

int main(int argc, char **argv)
{
	int option;

	log_name("vtpm-oci-hook");
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == OPTION_RUNTIME_DIR) {
			runtime_dir = optarg;
		} else if (option == OPTION_HELP) {
			fputs(help, stdout);
			return 0;
		} else {
			return 2;
		}
	}
	if (argc - optind == 1 && !strcmp(argv[optind], "precreate"))
		return precreate();
	if (argc - optind == 2 && !strcmp(argv[optind], "poststop"))
		return poststop(argv[optind + 1]);
	log_line("say precreate, or poststop NAME; --help says more");
	return 2;
}
