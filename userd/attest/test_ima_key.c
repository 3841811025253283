// SPDX-License-Identifier: BSD-3-Clause
/* Signatures of files: those of evmctl, of fs-verity, and such as nobody made. */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <cmocka.h>

#include "attest/ima_key.h"

static const char content[] = "what the file holds";
static uint8_t signature[600], digest[32];
static char folder[] = "/tmp/test_ima_key.XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static struct ima_keys keys_of(EVP_PKEY *key)
{
	struct ima_keys keys = { 0 };
	char text[1200], encoded[1024];
	uint8_t *der = NULL;
	int length = i2d_PUBKEY(key, &der);

	EVP_EncodeBlock((uint8_t *)encoded, der, length);
	OPENSSL_free(der);
	snprintf(text, sizeof(text), "{\"meta\": {\"version\": 1}, \"keyids\": [1], \"pubkeys\": "
				     "[\"%s\"]}", encoded);
	assert_null(ima_keys_read(&keys, text));
	assert_int_equal(keys.count, 1);
	return keys;
}

static struct ima_entry entry_of(size_t length, bool verity)
{
	EVP_Digest(content, sizeof(content) - 1, digest, NULL, EVP_sha256(), NULL);
	return (struct ima_entry){ .algorithm = "sha256", .file_digest = digest,
				   .file_digest_size = 32, .verity = verity,
				   .signature = signature, .signature_size = length };
}

/* No byte of what counts may be another: all but the key's id. */
static void assert_counts(const struct ima_keys *keys, struct ima_entry entry)
{
	assert_true(ima_keys_signed(keys, &entry));
	for (size_t i = 0; i < entry.signature_size; i++) {
		signature[i] ^= 1;
		assert_int_equal(ima_keys_signed(keys, &entry), i >= 3 && i < 7);
		signature[i] ^= 1;
	}
	digest[0] ^= 1;
	assert_false(ima_keys_signed(keys, &entry));
	digest[0] ^= 1;
	entry.signature_size--;
	assert_false(ima_keys_signed(keys, &entry));
	entry.signature_size++;
	entry.verity = !entry.verity;
	assert_false(ima_keys_signed(keys, &entry));
	entry.verity = !entry.verity;
	snprintf(entry.algorithm, sizeof(entry.algorithm), "sm3");
	assert_false(ima_keys_signed(keys, &entry));
}

/* Runs evmctl, which writes file.sig. */
static void sign_file(void)
{
	char key[64], file[64];
	char words[][12] = { "evmctl", "ima_sign", "--sigfile", "-a", "sha256", "-k" };
	char *argv[] = { words[0], words[1], words[2], words[3], words[4], words[5], key, file,
			 NULL };
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	snprintf(key, sizeof(key), "%s", in_folder("key"));
	snprintf(file, sizeof(file), "%s", in_folder("file"));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, in_folder("log"), O_CREAT | O_WRONLY, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	assert_int_equal(posix_spawnp(&pid, "evmctl", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_ima_key_evmctl(void **state)
{
	(void)state;
	for (int rsa = 0; rsa < 2; rsa++) {
		EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
		struct ima_keys keys = keys_of(key), none = { 0 };
		FILE *file = fopen(in_folder("key"), "w");
		ssize_t length;
		int fd;

		PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
		fclose(file);
		file = fopen(in_folder("file"), "w");
		fputs(content, file);
		fclose(file);
		sign_file();
		fd = open(in_folder("file.sig"), O_RDONLY);
		length = read(fd, signature, sizeof(signature));
		close(fd);
		assert_true(length > 9);
		assert_counts(&keys, entry_of((size_t)length, false));
		assert_false(ima_keys_signed(&none, &(struct ima_entry){
			.algorithm = "sha256", .file_digest = digest, .file_digest_size = 32,
			.signature = signature, .signature_size = (size_t)length }));
		ima_keys_done(&keys);
		EVP_PKEY_free(key);
	}
}

static void test_ima_key_verity(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ima_keys keys = keys_of(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = sizeof(signature) - 9;
	uint8_t id[34] = { 6, 4 };
	struct ima_entry entry = entry_of(0, true);

	(void)state;
	cursor_copy(id + 2, 32, digest, 32);
	assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature + 9, &length, id, sizeof(id)), 1);
	signature[0] = 6;
	signature[1] = 3;
	signature[2] = 4;
	signature[7] = (uint8_t)(length >> 8);
	signature[8] = (uint8_t)length;
	entry.signature_size = 9 + length;
	assert_counts(&keys, entry);
	EVP_MD_CTX_free(context);
	ima_keys_done(&keys);
	EVP_PKEY_free(key);
}

static void test_ima_key_malformed(void **state)
{
	static const char *const texts[] = {
		"no JSON", "[]", "{}", "{\"pubkeys\": {}}", "{\"pubkeys\": [1]}",
		"{\"pubkeys\": [\"\"]}", "{\"pubkeys\": [\"====\"]}", "{\"pubkeys\": [\"AAAA\"]}",
	};
	struct ima_keys keys = { 0 };

	(void)state;
	assert_null(ima_keys_read(&keys, ""));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_non_null(ima_keys_read(&keys, texts[i]));
		ima_keys_done(&keys);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ima_key_evmctl),
		cmocka_unit_test(test_ima_key_verity),
		cmocka_unit_test(test_ima_key_malformed),
	};
	static const char *const names[] = { "key", "file", "file.sig", "log" };
	int failed;

	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_folder(names[i]));
	rmdir(folder);
	return failed;
}
