// SPDX-License-Identifier: BSD-3-Clause
/* The service over HTTPS: each route with each role, and what each handler refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "attest/test_log.h"
#include "attest/test_quote.h"
#include "base/base64.h"
#include "verifier/request.h"
#include "wire/host_quote.h"

#define NOBODY_HERE "6f1f0b50-0000-4000-8000-00000000ffff"
#define HOST	    "6f1f0b50-0000-4000-8000-000000000001"
#define OTHER	    "6f1f0b50-0000-4000-8000-000000000002"

static char folder[] = "/tmp/test_service.XXXXXX", pem[96];
static struct config config;
static struct fleet *fleet;
static struct service *service;
static struct ca *ca;
static char secrets[_FLEET_ROLE_MAX][FLEET_SECRET], got[1 << 18];
static size_t got_length;

static size_t take(char *data, size_t size, size_t count, void *user)
{
	(void)user;
	for (size_t i = 0; i < size * count && got_length + 1 < sizeof(got); i++)
		got[got_length++] = data[i];
	return size * count;
}

static void show_certificate(CURL *curl)
{
	char key[96];

	snprintf(key, sizeof(key), "%s/ca/ca.key", folder);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, pem);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, key);
}

/* Return: status of HTTP; the body is in got[]. */
static long ask(const char *method, const char *path, const char *bearer, const char *body)
{
	char url[256], header[128];
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	long status = 0;

	snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", "https", service_port(service), path);
	if (bearer && strcmp(bearer, "certificate")) {
		snprintf(header, sizeof(header), "Authorization: Bearer %s", bearer);
		headers = curl_slist_append(headers, header);
	} else if (bearer) {
		show_certificate(curl);
	}
	got_length = 0;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CAINFO, pem);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	if (!curl_easy_perform(curl))
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	got[got_length] = '\0';
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return status;
}

static const char *member(const char *name)
{
	static char text[256];
	json_t *root = json_loads(got, 0, NULL);
	const char *value = json_string_value(json_object_get(root, name));

	snprintf(text, sizeof(text), "%s", value ? value : "");
	json_decref(root);
	return text;
}

/* Who may do what: one line a route, in the order of the table. Written by hand, on purpose. */
static const struct {
	const char *method;
	const char *path;
	const char *who;
} rights[] = {
	{ "GET", "/v1/hosts", "viewer operator admin" },
	{ "POST", "/v1/hosts", "admin" },
	{ "GET", "/v1/hosts/{host}", "host viewer operator admin" },
	{ "DELETE", "/v1/hosts/{host}", "admin" },
	{ "GET", "/v1/hosts/{host}/events", "host viewer operator admin" },
	{ "GET", "/v1/hosts/{host}/challenge", "host" },
	{ "POST", "/v1/hosts/{host}/evidence", "host" },
	{ "PUT", "/v1/hosts/{host}/facts", "host" },
	{ "POST", "/v1/hosts/{host}/acknowledge", "operator admin" },
	{ "GET", "/v1/hosts/{host}/ca", "host" },
	{ "POST", "/v1/hosts/{host}/ca", "host" },
	{ "POST", "/v1/hosts/{host}/revocations", "host admin" },
	{ "POST", "/v1/hosts/{host}/share", "host" },
	{ "DELETE", "/v1/hosts/{host}/share", "admin" },
	{ "GET", "/v1/crl", "anybody" },
	{ "GET", "/v1/events", "viewer operator admin" },
	{ "POST", "/v1/grants", "admin" },
	{ "DELETE", "/v1/grants", "admin" },
	{ "POST", "/v1/eks", "admin" },
	{ "POST", "/v1/enrol/begin", "token" },
	{ "POST", "/v1/enrol/finish", "token" },
	{ "POST", "/v1/enrol/unverifiable", "token" },
	{ "GET", "/report", "viewer operator admin" },
};

/* A host asks about another one; nobody else is let in by the name of a host that is not there. */
static void test_route_each_role(void **state)
{
	size_t count = sizeof(rights) / sizeof(rights[0]);
	char path[128];
	long status;

	(void)state;
	assert_null(route_each(count));
	for (size_t i = 0; i < count; i++) {
		const char *mark = strstr(rights[i].path, "{host}");

		assert_string_equal(route_each(i)->method, rights[i].method);
		assert_string_equal(route_each(i)->path, rights[i].path);
		for (enum fleet_role role = 0; role < _FLEET_ROLE_MAX; role++) {
			bool may = strstr(rights[i].who, fleet_role_name(role));
			/* Nobody is asked to remove the host that the others are asked about. */
			const char *id = role == FLEET_HOST ? HOST : NOBODY_HERE;

			snprintf(path, sizeof(path), "%.*s%s%s",
				 mark ? (int)(mark - rights[i].path) : 64, rights[i].path,
				 mark ? id : "", mark ? mark + strlen("{host}") : "");
			status = ask(rights[i].method, path, role ? secrets[role] : NULL, "{}");
			/* These look at what is in the body, not at who asks. */
			if (!strcmp(rights[i].who, "token"))
				assert_int_equal(status, strstr(path, "finish") ? 403 : 401);
			else if (!strcmp(rights[i].who, "anybody"))
				assert_int_equal(status, 200);
			else if (may)
				assert_true(status != 401 && status != 403 && status);
			else if (role == FLEET_NOBODY || role == FLEET_ENROL)
				assert_int_equal(status, 401);
			else
				assert_int_equal(status, 403);
		}
	}
}

static void test_route_host_about_another(void **state)
{
	const char *mine = secrets[FLEET_HOST];

	(void)state;
	assert_int_equal(ask("GET", "/v1/hosts/" HOST, mine, NULL), 200);
	assert_int_equal(ask("GET", "/v1/hosts/" OTHER, mine, NULL), 403);
	assert_int_equal(ask("GET", "/v1/hosts/" OTHER "/challenge", mine, NULL), 403);
	assert_int_equal(ask("PUT", "/v1/hosts/" OTHER "/facts", mine, "{}"), 403);
	assert_int_equal(ask("GET", "/v1/hosts/" HOST "/../" OTHER, mine, NULL), 404);
	assert_int_equal(ask("GET", "/v1/hosts/" HOST "x", mine, NULL), 404);
	assert_int_equal(ask("GET", "/v1/nothing", NULL, NULL), 401);
	assert_int_equal(ask("GET", "/v1/nothing", mine, NULL), 404);
	assert_int_equal(ask("PATCH", "/v1/hosts", secrets[FLEET_ADMIN], "{}"), 405);
	assert_int_equal(ask("GET", "/v1/hosts", "short", NULL), 401);
}

static void test_challenge_over_https(void **state)
{
	const char *mine = secrets[FLEET_HOST];
	char first[64];

	(void)state;
	config.every = 3600;
	challenge_forget(service->challenges, HOST);
	assert_int_equal(ask("GET", "/v1/hosts/" HOST "/challenge", mine, NULL), 200);
	snprintf(first, sizeof(first), "%s", member("nonce"));
	assert_int_equal(strlen(first), 43);
	assert_int_equal(ask("GET", "/v1/hosts/" HOST "/challenge", mine, NULL), 429);
	config.every = 0;
	assert_int_equal(ask("GET", "/v1/hosts/" HOST "/challenge", mine, NULL), 200);
	assert_string_not_equal(first, member("nonce"));
}

static void test_challenge_take_once(void **state)
{
	struct challenges *all = challenges_new();
	uint8_t nonce[CHALLENGE_NONCE], other[CHALLENGE_NONCE];

	(void)state;
	assert_int_equal(challenge_take(all, HOST, 0, nonce, sizeof(nonce)), -ENOENT);
	assert_int_equal(challenge_make(all, HOST, 1000, 50, 0, nonce), 0);
	assert_int_equal(challenge_make(all, OTHER, 1000, 50, 0, other), 0);
	assert_int_equal(challenge_take(all, HOST, 1050, nonce, sizeof(nonce)), 0);
	assert_int_equal(challenge_take(all, HOST, 1050, nonce, sizeof(nonce)), -ENOENT);
	/* Too late, of another host, too short: each uses it up. */
	assert_int_equal(challenge_make(all, HOST, 2000, 50, 0, nonce), 0);
	assert_int_equal(challenge_take(all, HOST, 2051, nonce, sizeof(nonce)), -ETIME);
	assert_int_equal(challenge_make(all, HOST, 3000, 50, 0, nonce), 0);
	assert_int_equal(challenge_take(all, HOST, 3000, other, sizeof(other)), -EBADMSG);
	assert_int_equal(challenge_take(all, HOST, 3000, nonce, sizeof(nonce)), -ENOENT);
	assert_int_equal(challenge_make(all, HOST, 4000, 50, 0, nonce), 0);
	assert_int_equal(challenge_take(all, HOST, 4000, nonce, 31), -EBADMSG);
	assert_int_equal(challenge_make(all, HOST, 5000, 50, 10, nonce), 0);
	assert_int_equal(challenge_make(all, HOST, 5009, 50, 10, other), -EAGAIN);
	assert_int_equal(challenge_take(all, HOST, 5009, nonce, sizeof(nonce)), 0);
	challenges_free(all);
}

static void fail_host(void)
{
	struct attest_verdict verdict = { 0 };
	struct standing_machine machine = { 0 };
	struct standing standing;

	attest_verdict_say(&verdict, ATTEST_FAILED, "sb.off", "", "Host Secure Boot was disabled");
	assert_int_equal(fleet_host_get(fleet, HOST, &standing, NULL), 0);
	standing_take(&standing, &verdict, &machine, "v1", time(NULL), 60);
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
}

static void test_acknowledge_is_an_event(void **state)
{
	const char *operator = secrets[FLEET_OPERATOR];

	(void)state;
	assert_int_equal(ask("POST", "/v1/hosts/" HOST "/acknowledge", operator, ""), 409);
	fail_host();
	assert_int_equal(ask("POST", "/v1/hosts/" HOST "/acknowledge", operator, ""), 200);
	assert_string_equal(member("status"), "failed");
	assert_int_equal(ask("POST", "/v1/hosts/" HOST "/acknowledge", operator, ""), 409);
	assert_int_equal(ask("GET", "/v1/events?after=0", operator, NULL), 200);
	assert_non_null(strstr(got, "host.acknowledged"));
	assert_int_equal(ask("GET", "/v1/events?after=-1", operator, NULL), 400);
	assert_int_equal(ask("GET", "/v1/events?after=1x", operator, NULL), 400);
}

static void test_hosts_by_hand_are_na(void **state)
{
	const char *admin = secrets[FLEET_ADMIN];
	char path[128];

	(void)state;
	assert_int_equal(ask("POST", "/v1/hosts", admin, "{\"name\": \"old\", \"tpm\": \"1.2\"}"),
			 201);
	assert_string_equal(member("status"), "n/a");
	snprintf(path, sizeof(path), "/v1/hosts/%s", member("id"));
	assert_int_equal(ask("DELETE", path, admin, NULL), 200);
	assert_int_equal(ask("DELETE", path, admin, NULL), 404);
	assert_int_equal(ask("POST", "/v1/hosts", admin, "{\"name\": \"x\", \"tpm\": \"2.0\"}"),
			 400);
	assert_int_equal(ask("POST", "/v1/hosts", admin, "{\"name\": \"x\", \"y\": 1}"), 400);
	assert_int_equal(ask("POST", "/v1/hosts", admin, "[]"), 400);
}

static void test_facts_are_checked(void **state)
{
	const char *mine = secrets[FLEET_HOST], *path = "/v1/hosts/" HOST "/facts";

	(void)state;
	assert_int_equal(ask("PUT", path, mine, "{\"vtpms_running\": 2, \"tpm\": \"2.0\"}"), 200);
	assert_int_equal(ask("PUT", path, mine, "{\"vtpms_running\": -1}"), 400);
	assert_int_equal(ask("PUT", path, mine, "{\"vtpms_running\": \"2\"}"), 400);
	assert_int_equal(ask("PUT", path, mine, "{\"recovery_backed_up\": 1}"), 400);
	assert_int_equal(ask("PUT", path, mine, "{\"status\": \"passed\"}"), 400);
	assert_int_equal(ask("PUT", path, mine, "{\"tpm_vendor\": 1}"), 400);
	assert_int_equal(ask("PUT", path, mine, "{\"vtpms_quarantined\": \"1\"}"), 400);
	assert_int_equal(ask("PUT", path, mine, "{\"window_seconds\": \"1\"}"), 400);
	assert_int_equal(ask("GET", "/v1/hosts/" HOST, mine, NULL), 200);
	assert_non_null(strstr(got, "\"vtpms_running\":2"));
}

static void test_grants_open_and_close(void **state)
{
	const char *admin = secrets[FLEET_ADMIN];
	char bearer[64], body[8192] = "", text[4096] = "";
	json_t *grant;
	FILE *file;

	(void)state;
	assert_int_equal(
		ask("POST", "/v1/grants", admin, "{\"role\": \"viewer\", \"name\": \"v\"}"), 201);
	snprintf(bearer, sizeof(bearer), "%s", member("bearer"));
	assert_int_equal(ask("GET", "/report", bearer, NULL), 200);
	assert_non_null(strstr(got, "<title>Security report</title>"));
	assert_int_equal(
		ask("DELETE", "/v1/grants", admin, "{\"role\": \"viewer\", \"name\": \"v\"}"), 200);
	assert_int_equal(ask("GET", "/report", bearer, NULL), 401);
	assert_int_equal(ask("POST", "/v1/grants", admin, "{\"role\": \"host\", \"name\": \"v\"}"),
			 400);
	/* A certificate instead of a bearer */
	assert_int_equal(ask("GET", "/v1/hosts", "certificate", NULL), 401);
	file = fopen(pem, "r");
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	grant = json_pack("{s:s, s:s, s:s}", "role", "viewer", "name", "c", "certificate", text);
	assert_true(json_dumpb(grant, body, sizeof(body) - 1, 0) < sizeof(body));
	json_decref(grant);
	assert_int_equal(ask("POST", "/v1/grants", admin, body), 201);
	assert_int_equal(ask("POST", "/v1/grants", admin, body), 409);
	assert_int_equal(ask("GET", "/v1/hosts", "certificate", NULL), 200);
	assert_int_equal(ask("POST", "/v1/hosts", "certificate", "{}"), 403);
}

static void test_body_too_long(void **state)
{
	char *body = malloc(SERVICE_BODY_MAX + 2);

	(void)state;
	for (size_t i = 0; i < SERVICE_BODY_MAX + 1; i++)
		body[i] = ' ';
	body[SERVICE_BODY_MAX + 1] = '\0';
	assert_int_equal(ask("POST", "/v1/hosts", secrets[FLEET_ADMIN], body), 413);
	free(body);
	assert_int_equal(ask("GET", "/v1/hosts", secrets[FLEET_ADMIN], NULL), 200);
	assert_int_equal(service->bodies, 0);
}

/* Enrolment and evidence, by a TPM of nothing but OpenSSL */

static struct test_quote *tpm;

static long begin(const char *token)
{
	char ek[4096], ak[4096], body[16384];
	json_t *root;

	base64_write(tpm->ek.base, tpm->ek.used, ek);
	base64_write(tpm->ak.base, tpm->ak.used, ak);
	root = json_pack("{s:s, s:s, s:s, s:[], s:s}", "token", token, "name", "host7", "ek_pub",
			 ek, "ek_certs", "ak_pub", ak);
	body[json_dumpb(root, body, sizeof(body) - 1, 0)] = '\0';
	json_decref(root);
	return ask("POST", "/v1/enrol/begin", NULL, body);
}

static void new_token(char ret[FLEET_SECRET])
{
	assert_int_equal(ask("POST", "/v1/grants", secrets[FLEET_ADMIN],
			     "{\"role\": \"enrol\", \"name\": \"rack\"}"), 201);
	snprintf(ret, FLEET_SECRET, "%s", member("bearer"));
}

static void test_enrol_refuses(void **state)
{
	char token[FLEET_SECRET], ek[4096], body[8192];

	(void)state;
	new_token(token);
	/* A token is no bearer, and a bearer no token. */
	assert_int_equal(ask("GET", "/v1/hosts", token, NULL), 401);
	assert_int_equal(begin(secrets[FLEET_ADMIN]), 401);
	/* Nobody vouches for the endorsement key. */
	assert_int_equal(begin(token), 403);
	base64_write(tpm->ek.base, tpm->ek.used, ek);
	snprintf(body, sizeof(body), "{\"public\": \"%s\"}", ek);
	assert_int_equal(ask("POST", "/v1/eks", secrets[FLEET_ADMIN], body), 201);
	assert_int_equal(ask("POST", "/v1/eks", secrets[FLEET_ADMIN], "{\"public\": \"AA\"}"),
			 400);
	assert_int_equal(begin(token), 200);
	assert_true(*member("credential"));
	snprintf(body, sizeof(body), "{\"id\": \"%s\", \"proof\": \"%s\"}", member("id"),
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_int_equal(ask("POST", "/v1/enrol/finish", NULL, body), 403);
	assert_int_equal(begin(token), 200);
	/* Three beginnings */
	assert_int_equal(begin(token), 401);
}

/* A host without a TPM 2.0 says so by itself; one that had one does not get rid of it so. */
static void test_enrol_unverifiable(void **state)
{
	char token[FLEET_SECRET], bearer[64], body[256], path[128];
	struct fleet_keys keys = { .ek_name = { 7 }, .ek_size = 34, .ak_size = 1 };

	(void)state;
	new_token(token);
	snprintf(body, sizeof(body), "{\"token\": \"%s\", \"name\": \"c\", \"tpm\": \"2.0\"}",
		 token);
	assert_int_equal(ask("POST", "/v1/enrol/unverifiable", NULL, body), 400);
	snprintf(body, sizeof(body), "{\"token\": \"%s\", \"name\": \"c\", \"tpm\": \"1.2\"}",
		 token);
	assert_int_equal(ask("POST", "/v1/enrol/unverifiable", NULL, body), 200);
	snprintf(bearer, sizeof(bearer), "%s", member("bearer"));
	snprintf(path, sizeof(path), "/v1/hosts/%s", member("host"));
	assert_int_equal(ask("POST", "/v1/enrol/unverifiable", NULL, body), 401);
	assert_int_equal(ask("GET", path, bearer, NULL), 200);
	assert_string_equal(member("status"), "n/a");
	assert_non_null(strstr(member("message"), "TPM 1.2"));
	/* Again, by a token for it: another bearer, and the one before is worth nothing. */
	snprintf(body, sizeof(body), "{\"role\": \"enrol\", \"name\": \"%s\"}", path + 10);
	assert_int_equal(ask("POST", "/v1/grants", secrets[FLEET_ADMIN], body), 201);
	snprintf(body, sizeof(body), "{\"token\": \"%s\", \"name\": \"c\", \"tpm\": \"none\"}",
		 member("bearer"));
	assert_int_equal(ask("POST", "/v1/enrol/unverifiable", NULL, body), 200);
	assert_string_equal(member("host"), path + 10);
	assert_int_equal(ask("GET", path, bearer, NULL), 401);
	/* It has shown a TPM 2.0 since. */
	assert_int_equal(fleet_host_rekey(fleet, path + 10, &keys), 0);
	snprintf(body, sizeof(body), "{\"role\": \"enrol\", \"name\": \"%s\"}", path + 10);
	assert_int_equal(ask("POST", "/v1/grants", secrets[FLEET_ADMIN], body), 201);
	snprintf(body, sizeof(body), "{\"token\": \"%s\", \"name\": \"c\", \"tpm\": \"none\"}",
		 member("bearer"));
	assert_int_equal(ask("POST", "/v1/enrol/unverifiable", NULL, body), 403);
	assert_int_equal(ask("DELETE", path, secrets[FLEET_ADMIN], NULL), 200);
}

/* Evidence as a host makes it */
static void evidence(const char *nonce_text, uint64_t epoch, char *body, size_t room)
{
	uint8_t nonce[HOST_QUOTE_NONCE] = { 0 };
	json_t *root;

	base64_read(nonce_text, strlen(nonce_text), nonce, sizeof(nonce));
	test_quote_frame(tpm, nonce, HOST_QUOTE_HOST, epoch);
	tpm->selection = (struct selection){ 1, { ATTEST_SHA256 }, { 0xffffff } };
	tpm->values.has[ATTEST_SHA256] = 0xffffff;
	test_quote_sign(tpm);
	root = test_quote_bundle(tpm, "host", nonce);
	body[json_dumpb(root, body, room - 1, JSON_COMPACT)] = '\0';
	json_decref(root);
}

static void challenge(char ret[64])
{
	config.every = 0;
	assert_int_equal(ask("GET", "/v1/hosts/" HOST "/challenge", secrets[FLEET_HOST], NULL),
			 200);
	snprintf(ret, 64, "%s", member("nonce"));
}

static long send_evidence(const char *body)
{
	return ask("POST", "/v1/hosts/" HOST "/evidence", secrets[FLEET_HOST], body);
}

/* What is signed names key, boot and time, and is signed by the fleet's CA as it is. */
static void assert_signed(const char *want)
{
	json_t *answer = json_loads(got, 0, NULL);
	const json_t *verdict = json_object_get(answer, "verdict");
	const char *text = json_string_value(json_object_get(verdict, "statement"));
	const char *base64 = json_string_value(json_object_get(verdict, "signature"));
	uint8_t signature[CA_SIGNATURE_MAX];
	struct ruling ruling;
	ssize_t size;
	json_t *root;
	FILE *file;
	X509 *by;

	assert_non_null(text);
	assert_non_null(base64);
	size = base64_read(base64, strlen(base64), signature, sizeof(signature));
	assert_true(size > 0);
	assert_int_equal(ca_verify(pem, CA_WORDS_VERDICT, text, strlen(text), signature,
				   (size_t)size), 0);
	assert_int_equal(ca_verify(pem, CA_WORDS_REPORT, text, strlen(text), signature,
				   (size_t)size), -EKEYREJECTED);
	file = fopen(pem, "re");
	assert_non_null(file);
	by = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	assert_int_equal(ruling_read(&ruling, by, text, strlen(text), signature, (size_t)size), 0);
	X509_free(by);
	assert_string_equal(attest_status_name(ruling.status), want);
	assert_true(ruling.clock == tpm->clock.clock);
	root = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(root, "status")), want);
	assert_string_equal(json_string_value(json_object_get(root, "host")), HOST);
	assert_int_equal(json_string_length(json_object_get(root, "ak_name")), 68);
	assert_int_equal(json_integer_value(json_object_get(root, "resets")),
			 tpm->clock.resets);
	assert_string_equal(json_string_value(json_object_get(root, "valid_until")),
			    member("valid_until"));
	json_decref(root);
	json_decref(answer);
}

/* Without a log the quote is believed and the host fails for that alone. */
static void test_evidence_once(void **state)
{
	struct fleet_keys keys = { .ek_name = { 9 }, .ek_size = 34 };
	char nonce[64], other[64], body[20000];
	struct standing standing;

	(void)state;
	keys.ak_size = tpm->ak.used;
	assert_true(cursor_copy(keys.ak, sizeof(keys.ak), tpm->ak.base, tpm->ak.used));
	assert_int_equal(fleet_host_rekey(fleet, HOST, &keys), 0);
	challenge(nonce);
	evidence(nonce, 5, body, sizeof(body));
	assert_int_equal(send_evidence(body), 200);
	assert_string_equal(member("status"), "failed");
	assert_non_null(strstr(member("message"), "no event log"));
	assert_signed("failed");
	/* The same again: its challenge is used up. */
	assert_int_equal(send_evidence(body), 409);
	/* Another nonce than was asked for uses up the challenge as well. */
	challenge(other);
	assert_int_equal(send_evidence(body), 409);
	evidence(other, 5, body, sizeof(body));
	assert_int_equal(send_evidence(body), 409);
	/* A nonce outside, and an older one under the signature */
	evidence(nonce, 5, body, sizeof(body));
	challenge(other);
	for (size_t i = 0; i < 43; i++)
		strstr(body, "\"nonce\":\"")[9 + i] = other[i];
	assert_int_equal(send_evidence(body), 200);
	assert_non_null(strstr(member("message"), "another nonce"));
	/* It failed, and stays so. */
	assert_int_equal(fleet_host_get(fleet, HOST, &standing, NULL), 0);
	assert_true(standing.held);
	challenge(nonce);
	config.deadline = 0;
	challenge(nonce);
	config.deadline = 60;
	usleep(20000);
	evidence(nonce, 5, body, sizeof(body));
	assert_int_equal(send_evidence(body), 409);
	assert_non_null(strstr(member("detail"), "too late"));
	assert_int_equal(send_evidence("{\"nonce\": 1}"), 409);
	/* An answer in time that is no bundle fails the host. */
	challenge(nonce);
	snprintf(body, sizeof(body), "{\"version\": 1, \"nonce\": \"%s\"}", nonce);
	assert_int_equal(send_evidence(body), 200);
	assert_non_null(strstr(member("message"), "the bundle's"));
}

static void test_evidence_of_another_key(void **state)
{
	struct test_quote *other = test_quote_new(false), *mine = tpm;
	char nonce[64], body[20000];

	(void)state;
	tpm = other;
	challenge(nonce);
	evidence(nonce, 5, body, sizeof(body));
	tpm = mine;
	assert_int_equal(send_evidence(body), 200);
	assert_string_equal(member("status"), "failed");
	assert_int_equal(ask("GET", "/v1/hosts/" HOST, secrets[FLEET_HOST], NULL), 200);
	assert_non_null(strstr(got, "quote.sign"));
	test_quote_free(other);
}

/* A boot that is in order, whose log and PCRs are those of tpm */
static long send_boot(void)
{
	struct test_log *boot = test_log_good(1u << ATTEST_SHA256, 1);
	struct attest_verdict verdict = { 0 };
	uint8_t nonce[HOST_QUOTE_NONCE];
	struct eventlog log;
	char text[64], *body;
	json_t *root;
	long status;

	challenge(text);
	assert_int_equal(base64_read(text, strlen(text), nonce, sizeof(nonce)), sizeof(nonce));
	assert_int_equal(eventlog_parse(&log, boot->bytes, boot->out.used, &verdict), 0);
	eventlog_replay(&log, tpm->hash, &tpm->values);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		tpm->values.has[bank] = bank == ATTEST_SHA256 ? 0xffffff : 0;
	test_quote_frame(tpm, nonce, HOST_QUOTE_HOST, 5);
	test_quote_sign(tpm);
	root = test_quote_bundle(tpm, "host", nonce);
	json_object_set_new(root, "eventlog", test_bytes(boot->out.base, boot->out.used));
	body = json_dumps(root, JSON_COMPACT);
	status = send_evidence(body);
	free(body);
	json_decref(root);
	eventlog_done(&log);
	test_log_free(boot);
	return status;
}

static void use_policy(const char *text)
{
	struct attest_verdict verdict = { 0 };

	policy_free(service->policy);
	service->policy = NULL;
	if (text)
		assert_int_equal(policy_read(&service->policy, text, strlen(text), &verdict), 0);
	service->judge.policy = service->policy;
	ask("POST", "/v1/hosts/" HOST "/acknowledge", secrets[FLEET_OPERATOR], "");
	assert_int_equal(send_boot(), 200);
}

/* Each that differs fails the host; one that knows no keys asks for none that is enrolled. */
static void test_evidence_policy(void **state)
{
	(void)state;
	use_policy(NULL);
	assert_string_equal(member("status"), "passed");
	use_policy("{\"version\": 1, \"authorities\": []}");
	assert_string_equal(member("status"), "failed");
	assert_int_equal(ask("GET", "/v1/hosts/" HOST, secrets[FLEET_HOST], NULL), 200);
	assert_non_null(strstr(got, "policy.authorities"));
	assert_null(strstr(got, "reference values"));
	use_policy("{\"version\": 1, \"aks\": [\"000b00\"]}");
	assert_string_equal(member("status"), "failed");
	use_policy("{\"version\": 1, \"cmdline_deny\": [\"init=\"]}");
	assert_string_equal(member("status"), "passed");
	policy_free(service->policy);
	service->judge.policy = service->policy = NULL;
}

/* A verdict that changes something and does not get onto the disk is none. */
static void test_evidence_not_on_disk(void **state)
{
	struct sync *mine = service->sync, *broken = NULL;
	char reason[256] = "", path[96], pipe[112];

	(void)state;
	snprintf(path, sizeof(path), "%s/pipe", folder);
	snprintf(pipe, sizeof(pipe), "%s-wal", path);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(sync_new(path, reason, sizeof(reason), &broken), 0);
	service->sync = broken;
	fail_host();
	ask("POST", "/v1/hosts/" HOST "/acknowledge", secrets[FLEET_OPERATOR], "");
	assert_int_equal(send_boot(), 500);
	/* Nothing new, nothing to wait for */
	assert_int_equal(send_boot(), 200);
	service->sync = mine;
	sync_stop(broken);
	sync_free(broken);
	unlink(pipe);
}

/* The verifier's own machine has nobody else to vouch for it, by whatever name it comes. */
static void test_evidence_of_own_key(void **state)
{
	const struct hash_part ak = { tpm->ak.base, tpm->ak.used };

	(void)state;
	ask("POST", "/v1/hosts/" HOST "/acknowledge", secrets[FLEET_OPERATOR], "");
	assert_int_equal(send_boot(), 200);
	assert_string_equal(member("status"), "passed");
	assert_true(judge_name(&service->judge, ak, &service->own_ak));
	assert_int_equal(send_boot(), 200);
	assert_string_equal(member("status"), "unknown");
	assert_int_equal(ask("GET", "/v1/hosts/" HOST, secrets[FLEET_HOST], NULL), 200);
	assert_string_equal(member("verified_by"), "self");
	service->own_ak.bytes[5] ^= 1;
	assert_int_equal(send_boot(), 200);
	assert_string_equal(member("status"), "passed");
	service->own_ak.size = 0;
}

static void test_service_wants_its_policy(void **state)
{
	struct config other = config;
	struct service *none = NULL;
	char reason[256] = "";

	(void)state;
	snprintf(other.policy, sizeof(other.policy), "%s/none", folder);
	assert_int_equal(service_new(&other, fleet, ca, reason, sizeof(reason), &none), -EIO);
	assert_non_null(strstr(reason, "\"policy\": the file cannot be read"));
	snprintf(other.policy, sizeof(other.policy), "%s", pem);
	assert_int_equal(service_new(&other, fleet, ca, reason, sizeof(reason), &none), -EIO);
	assert_non_null(strstr(reason, "\"policy\": the policy cannot be used"));
	*other.policy = '\0';
	snprintf(other.own_ak, sizeof(other.own_ak), "%s", pem);
	assert_int_equal(service_new(&other, fleet, ca, reason, sizeof(reason), &none), -EIO);
	assert_non_null(strstr(reason, "\"own_ak\": it is no TPM2B_PUBLIC"));
	assert_null(none);
}

static void test_notify_line_is_one_line(void **state)
{
	json_t *event = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "id", 7, "at",
				  "2026-01-01T00:00:00Z", "host", HOST, "code", "a\"]b", "status",
				  "failed", "text", "x\ny\033");
	char line[NOTIFY_LINE];

	(void)state;
	notify_line(event, "v 1", line);
	assert_string_equal(line, "<35>1 2026-01-01T00:00:00Z v-1 vtpm-verify - event "
				  "[vtpm@32473 host=\"" HOST "\" code=\"a\\\"\\]b\" "
				  "status=\"failed\" id=\"7\"] x?y?");
	json_decref(event);
}

static void add_host(const char *id)
{
	const struct fleet_keys keys = { 0 };
	struct standing standing;

	standing_new(&standing, id, "host");
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
}

static int set_up(void **state)
{
	char reason[256] = "";

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	tpm = test_quote_new(false);
	config.evidence = 1024;
	config.cache = 1;
	config.valid = 3600;
	snprintf(config.database, sizeof(config.database), "%s/fleet.db", folder);
	snprintf(config.ca, sizeof(config.ca), "%s/ca", folder);
	snprintf(config.certificate, sizeof(config.certificate), "%s/ca/ca.pem", folder);
	snprintf(config.key, sizeof(config.key), "%s/ca/ca.key", folder);
	snprintf(config.listen, sizeof(config.listen), "127.0.0.1");
	snprintf(pem, sizeof(pem), "%s/ca/ca.pem", folder);
	config.deadline = 60;
	if (ca_init(config.ca, NULL, reason, sizeof(reason)) ||
	    ca_open(config.ca, NULL, reason, sizeof(reason), &ca) ||
	    fleet_open(config.database, reason, sizeof(reason), &fleet))
		return -1;
	add_host(HOST);
	add_host(OTHER);
	for (enum fleet_role role = FLEET_HOST; role < _FLEET_ROLE_MAX; role++) {
		struct fleet_pass pass = { role, HOST };

		assert_int_equal(fleet_secret_new(secrets[role]), 0);
		assert_int_equal(fleet_pass_add(fleet, secrets[role], strlen(secrets[role]), &pass,
						0), 0);
	}
	if (!service_new(&config, fleet, ca, reason, sizeof(reason), &service))
		return 0;
	print_error("%s\n", reason);
	return -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "fleet.db", "fleet.db-wal", "fleet.db-shm",
					     "ca/ca.key", "ca/ca.pem" };
	char name[96];

	(void)state;
	service_free(service);
	test_quote_free(tpm);
	ca_close(ca);
	fleet_close(fleet);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		unlink(name);
	}
	rmdir(config.ca);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge_take_once),
		cmocka_unit_test(test_challenge_over_https),
		cmocka_unit_test(test_acknowledge_is_an_event),
		cmocka_unit_test(test_hosts_by_hand_are_na),
		cmocka_unit_test(test_facts_are_checked),
		cmocka_unit_test(test_grants_open_and_close),
		cmocka_unit_test(test_body_too_long),
		cmocka_unit_test(test_enrol_refuses),
		cmocka_unit_test(test_enrol_unverifiable),
		cmocka_unit_test(test_evidence_once),
		cmocka_unit_test(test_evidence_of_another_key),
		cmocka_unit_test(test_evidence_policy),
		cmocka_unit_test(test_evidence_not_on_disk),
		cmocka_unit_test(test_evidence_of_own_key),
		cmocka_unit_test(test_service_wants_its_policy),
		cmocka_unit_test(test_notify_line_is_one_line),
		cmocka_unit_test(test_route_host_about_another),
		cmocka_unit_test(test_route_each_role),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
