// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the hook reads of a container's configuration, and what it adds; and which image a
 * storage says that a container has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "oci/config.h"
#include "oci/image.h"
#include "oci/record.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static json_t *parse(const char *text)
{
	json_t *config = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(config);
	return config;
}

static json_t *plain(void)
{
	return parse("{\"process\": {\"args\": [\"sh\"], \"user\": {\"uid\": 5, \"gid\": 6},"
		     " \"env\": [\"A=1\", \"HOSTNAME=x\"]}, \"root\": {\"path\": \"/r\"},"
		     " \"mounts\": [{\"destination\": \"/etc/hosts\", \"source\": \"/run/1\"}],"
		     " \"linux\": {\"resources\": {\"devices\": [{\"allow\": false}]}}}");
}

static void test_config_digest(void **state)
{
	char first[72], again[72];
	json_t *config = plain(), *process = json_object_get(config, "process");
	json_t *platform = json_object_get(config, "linux");
	json_t *mount = json_array_get(json_object_get(config, "mounts"), 0);

	(void)state;
	assert_int_equal(config_digest(config, first, sizeof(first)), 0);
	assert_int_equal(strlen(first), 71);
	/* Another start of the same thing */
	json_array_set_new(json_object_get(process, "env"), 0, json_string("HOSTNAME=y"));
	json_array_set_new(json_object_get(process, "env"), 1, json_string("A=1"));
	json_object_set_new(mount, "source", json_string("/run/2"));
	json_object_set_new(config, "hostname", json_string("y"));
	json_object_set_new(config, "annotations", json_pack("{s:s}", "created", "now"));
	assert_int_equal(config_digest(config, again, sizeof(again)), 0);
	assert_string_equal(first, again);
	/* Another thing */
	json_array_set_new(json_object_get(process, "env"), 1, json_string("A=2"));
	assert_int_equal(config_digest(config, again, sizeof(again)), 0);
	assert_string_not_equal(first, again);
	json_array_set_new(json_object_get(process, "env"), 1, json_string("A=1"));
	json_object_set_new(json_object_get(config, "root"), "readonly", json_true());
	assert_int_equal(config_digest(config, again, sizeof(again)), 0);
	assert_string_not_equal(first, again);
	json_object_del(json_object_get(config, "root"), "readonly");
	assert_int_equal(config_digest(config, again, sizeof(again)), 0);
	assert_string_equal(first, again);
	/* Its own processes, wherever their namespace lies; and one more device */
	json_object_set_new(platform, "namespaces", json_pack("[{s:s}]", "type", "pid"));
	assert_int_equal(config_digest(config, again, sizeof(again)), 0);
	assert_string_not_equal(first, again);
	json_object_set_new(platform, "namespaces",
			    json_pack("[{s:s, s:s}]", "type", "pid", "path", "/run/1"));
	assert_int_equal(config_digest(config, first, sizeof(first)), 0);
	assert_string_equal(first, again);
	json_object_set_new(platform, "devices", json_pack("[{s:s, s:i}]", "path", "/dev/sda",
							   "major", 8));
	assert_int_equal(config_digest(config, again, sizeof(again)), 0);
	assert_string_not_equal(first, again);
	json_decref(config);
}

/* Two bundles have the same relative root, and are two containers. */
static void test_config_root(void **state)
{
	char root[PATH_MAX], here[PATH_MAX], expected[PATH_MAX + 8];
	json_t *config = plain(), *object = json_object_get(config, "root");

	(void)state;
	assert_int_equal(config_root(config, root, sizeof(root)), 0);
	assert_string_equal(root, "/r");
	assert_int_equal(config_root(config, root, 2), -ENAMETOOLONG);
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(expected, sizeof(expected), "%s/rootfs", here);
	json_object_set_new(object, "path", json_string("rootfs"));
	assert_int_equal(config_root(config, root, sizeof(root)), 0);
	assert_string_equal(root, expected);
	json_object_set_new(object, "path", json_string(""));
	assert_int_equal(config_root(config, root, sizeof(root)), -ENOENT);
	json_object_del(config, "root");
	assert_int_equal(config_root(config, root, sizeof(root)), -ENOENT);
	json_decref(config);
}

/* This test is in the first user namespace, or in one whose maps cover what it asks for. */
static void test_config_user(void **state)
{
	json_t *config = plain();
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(config_user(config, &uid, &gid), 0);
	assert_true(uid == 5 && gid == 6);
	json_object_set_new(json_object_get(config, "linux"), "uidMappings",
			    json_pack("[{s:i,s:i,s:i}, {s:i,s:i,s:i}]", "containerID", 0, "hostID",
				      900, "size", 5, "containerID", 5, "hostID", 100, "size", 9));
	assert_int_equal(config_user(config, &uid, &gid), 0);
	assert_true(uid == 100 && gid == 6);
	json_object_set_new(json_object_get(json_object_get(config, "process"), "user"), "uid",
			    json_integer(14));
	assert_int_equal(config_user(config, &uid, &gid), -ERANGE);
	json_decref(config);
}

static void test_config_add(void **state)
{
	json_t *config = plain(), *mounts, *rules, *rule, *hook;

	(void)state;
	assert_int_equal(config_add_vtpm(config, "ct-1", "/dev/null", "/dev/zero"), 0);
	assert_string_equal(config_annotation(config, CONFIG_NAME), "ct-1");
	mounts = json_object_get(config, "mounts");
	assert_int_equal(json_array_size(mounts), 3);
	rule = json_array_get(mounts, 2);
	assert_string_equal(json_string_value(json_object_get(rule, "type")), "bind");
	assert_string_equal(json_string_value(json_object_get(rule, "source")), "/dev/zero");
	assert_string_equal(json_string_value(json_object_get(rule, "destination")),
			    "/dev/tpmrm0");
	rules = json_object_get(json_object_get(json_object_get(config, "linux"), "resources"),
				"devices");
	assert_int_equal(json_array_size(rules), 3);
	rule = json_array_get(rules, 1);
	assert_true(json_is_true(json_object_get(rule, "allow")));
	assert_int_equal(json_integer_value(json_object_get(rule, "major")), 1);
	assert_int_equal(json_integer_value(json_object_get(rule, "minor")), 3);

	assert_int_equal(config_add_poststop(config, parse("[\"/hook\", \"poststop\", \"n\"]")), 0);
	hook = json_array_get(json_object_get(json_object_get(config, "hooks"), "poststop"), 0);
	assert_string_equal(json_string_value(json_object_get(hook, "path")), "/hook");
	assert_int_equal(json_array_size(json_object_get(hook, "args")), 3);
	json_decref(config);

	config = json_object();
	assert_int_equal(config_add_vtpm(config, "ct-1", "/dev/null", "/no/such"), -ENOENT);
	json_decref(config);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_image_of(void **state)
{
	char folder[] = "/tmp/vtpm-test-oci.XXXXXX", path[128], image[72];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/overlay-containers", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put(path, "containers.json",
	    "[{\"layer\": \"l1\", \"image\": \"" DIGEST "\"}, {\"layer\": \"l2\", \"image\": 7}]");
	snprintf(path, sizeof(path), "%s/overlay/l1/merged", folder);
	assert_int_equal(image_of(path, image, sizeof(image)), 0);
	assert_string_equal(image, "sha256:" DIGEST);
	snprintf(path, sizeof(path), "%s/overlay/l2/merged", folder);
	assert_int_equal(image_of(path, image, sizeof(image)), -EBADMSG);
	/* A layer is a whole name, and a storage is not of another driver. */
	snprintf(path, sizeof(path), "%s/overlay/l11/merged", folder);
	assert_int_equal(image_of(path, image, sizeof(image)), -ENOENT);
	snprintf(path, sizeof(path), "%s/vfs/l1/merged", folder);
	assert_int_equal(image_of(path, image, sizeof(image)), -ENOENT);
	assert_int_equal(image_of("/", image, sizeof(image)), -ENOENT);

	snprintf(path, sizeof(path), "%s/overlay-containers/containers.json", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/overlay-containers", folder);
	rmdir(path);
	rmdir(folder);
}

static void test_image_annotates(void **state)
{
	char folder[] = "/tmp/vtpm-test-oci.XXXXXX", path[256], root[128];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(root, sizeof(root), "%s/overlay/l1/merged", folder);
	assert_int_equal(image_annotates(root, "sha256:" DIGEST, "a"), -ENOENT);
	snprintf(path, sizeof(path), "%s/overlay-images", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/overlay-images/" DIGEST, folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put(path, "manifest", "{\"annotations\": {\"a\": \"new\"}}");
	assert_int_equal(image_annotates(root, "sha256:" DIGEST, "a"), 1);
	assert_int_equal(image_annotates(root, "sha256:" DIGEST, "b"), 0);
	put(path, "manifest", "{\"config\": {}}");
	assert_int_equal(image_annotates(root, "sha256:" DIGEST, "a"), 0);

	snprintf(path, sizeof(path), "%s/overlay-images/" DIGEST "/manifest", folder);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	assert_int_equal(rmdir(folder), 0);
}

static char orphans[64];

static void take_orphan(const char *name)
{
	snprintf(orphans + strlen(orphans), sizeof(orphans) - strlen(orphans), "%s ", name);
}

/* None of these is old enough for the question. */
static bool nobody_asked(const char *name)
{
	fail_msg("%s", name);
	return false;
}

static void test_record(void **state)
{
	char folder[] = "/tmp/vtpm-test-oci.XXXXXX", dir[64], root[80];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/records", folder);
	record_each_orphan(dir, take_orphan); /* no folder, no orphans */
	/* The first is there; of the second the layer is, unmounted; the third is gone. */
	assert_int_equal(record_take(dir, "ct-1", folder, nobody_asked), 0);
	snprintf(root, sizeof(root), "%s/merged", folder);
	assert_int_equal(record_take(dir, "ct-2", root, nobody_asked), 0);
	snprintf(root, sizeof(root), "%s/gone/merged", folder);
	assert_int_equal(record_take(dir, "ct-3", root, nobody_asked), 0);
	assert_int_equal(record_take(dir, "ct-4", "relative", nobody_asked), 0);
	/* A pipe that nobody writes to is none, and nobody waits for it. */
	snprintf(root, sizeof(root), "%s/ct-5", dir);
	assert_int_equal(mkfifo(root, 0600), 0);
	alarm(10);
	assert_int_equal(record_take(dir, "ct-5", "/", nobody_asked), RECORD_TAKEN);
	record_each_orphan(dir, take_orphan);
	alarm(0);
	assert_string_equal(orphans, "ct-3 ");
	for (int i = 1; i <= 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "ct-%d", i);
		record_drop(dir, name);
	}
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(record_take("/no/such/folder", "ct-1", "/", nobody_asked), -ENOENT);
	rmdir(folder);
}

static void test_record_of_another(void **state)
{
	char folder[] = "/tmp/vtpm-test-oci.XXXXXX", path[80];

	(void)state;
	if (geteuid())
		skip();
	orphans[0] = '\0';
	assert_non_null(mkdtemp(folder));
	assert_int_equal(record_take(folder, "ct-1", "/no/such/root", nobody_asked), 0);
	assert_int_equal(record_take(folder, "ct-2", "/no/such/root", nobody_asked), 0);
	snprintf(path, sizeof(path), "%s/ct-2", folder);
	assert_int_equal(chown(path, 1, 1), 0);
	record_each_orphan(folder, take_orphan);
	assert_string_equal(orphans, "ct-1 ");
	record_drop(folder, "ct-1");
	record_drop(folder, "ct-2");
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_digest),
		cmocka_unit_test(test_config_root),
		cmocka_unit_test(test_config_user),
		cmocka_unit_test(test_config_add),
		cmocka_unit_test(test_image_of),
		cmocka_unit_test(test_image_annotates),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
