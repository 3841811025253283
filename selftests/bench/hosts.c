// SPDX-License-Identifier: GPL-2.0
/*
 * How many hosts one core of `vtpm-verify serve` keeps judged, beside what is asked for.
 *
 *   hosts PROGRAM [HOSTS [COLD]]
 *
 * HOSTS hosts (20000) are put into a store of their own, each with a bearer and a P-256 key
 * that signs as its TPM would. The service runs on core 0, the hosts on the others: CLIENTS
 * threads, each with one connection that stays open, take the next host that is due. A round
 * is a challenge and its evidence.
 *
 *	cold	COLD hosts (500) with 100 KB of events and 10,000 entries of IMA
 *	fill	the others with the same events and FILL entries, so that all are known
 *	warm	all hosts; three new entries since the last round, and no log else
 *
 * Hosts a minute are told by the clock and by the service's processor time: on a machine with
 * other work the second is the truer one. Then the same warm round is judged here, without a
 * network and a store, beside bare verifications of such signatures.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "attest/test_quote.h"
#include "base/base64.h"
#include "base/text.h"
#include "logs.h"
#include "verifier/ca.h"
#include "verifier/fleet.h"
#include "verifier/judge.h"

#define CLIENTS	  8
#define FILL	  10
#define NEW	  3
#define WARM_ASK  20000
#define COLD_ASK  2000
#define MEMORY	  256
#define SHARE	  60
#define LOCAL	  20000
#define ANSWER	  65536
#define BOOT	  "6f1f0b50-0000-4000-8000-00000000b007"

/**
 * struct logs - what hosts of a kind show
 * @pcrs: their PCR values now
 * @first: members of a whole bundle, as JSON
 * @bytes: of the log of IMA that is in there
 * @next: PCR values of the next round
 * @more: of the log of IMA, what is new in it
 */
struct logs {
	struct attest_pcrs pcrs;
	char *first;
	size_t bytes;
	struct attest_pcrs next;
	json_t *more;
};

struct host {
	char id[STANDING_ID];
	char bearer[FLEET_SECRET];
	EVP_PKEY *key;
	const struct logs *logs;
	uint64_t clock;
};

static struct logs large, small;
static uint8_t events_digest[ATTEST_DIGEST_MAX];
static struct host *hosts;
static size_t host_count, next_host, phase_end;
static bool warm;
static char folder[] = "/tmp/vtpm-bench-serve.XXXXXX", pem[96], base[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "hosts: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Hosts */

static void make_logs(struct logs *ret, const struct test_log *events,
		      const struct attest_pcrs *booted, size_t entries)
{
	json_t *members;
	struct test_log *ima;
	char path[32], *text;

	ret->pcrs = *booted;
	ima = logs_ima(entries, &ret->pcrs);
	ret->bytes = ima->out.used;
	members = json_pack("{s:o, s:o}", "eventlog", test_bytes(events->bytes, events->out.used),
			    "ima", test_bytes(ima->bytes, ima->out.used));
	text = json_dumps(members, JSON_COMPACT);
	ret->first = strdup(text + 1);
	free(text);
	json_decref(members);
	ret->next = ret->pcrs;
	for (int i = 0; i < NEW; i++) {
		snprintf(path, sizeof(path), "/usr/bin/new-%d", i);
		test_log_ima(ima, path, &ret->next);
	}
	ret->more = test_bytes(ima->bytes + ret->bytes, ima->out.used - ret->bytes);
	test_log_free(ima);
}

static void make_all_logs(void)
{
	struct test_log *events = logs_events();
	struct attest_verdict verdict = { 0 };
	struct attest_pcrs pcrs;
	struct eventlog log;

	must(!eventlog_parse(&log, events->bytes, events->out.used, &verdict), "event log");
	eventlog_replay(&log, events->hash, &pcrs);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		pcrs.has[bank] = bank == ATTEST_SHA256 ? 0xffffff : 0;
	hash_parts(events->hash, ATTEST_SHA256,
		   &(struct hash_part){ events->bytes, events->out.used }, 1, events_digest);
	make_logs(&large, events, &pcrs, LOGS_IMA_ENTRIES);
	make_logs(&small, events, &pcrs, FILL);
	printf("logs: %zu bytes of events, %d entries of IMA in %zu bytes\n", events->out.used,
	       LOGS_IMA_ENTRIES, large.bytes);
	eventlog_done(&log);
	test_log_free(events);
}

/* test_quote_sign() writes the public area of whatever key is in it. */
static void take_key(struct test_quote *tpm, const struct host *host)
{
	EVP_PKEY_free(tpm->ak_key);
	EVP_PKEY_up_ref(host->key);
	tpm->ak_key = host->key;
}

static void add_host(struct fleet *fleet, struct test_quote *tpm, struct host *host, size_t number)
{
	struct fleet_keys keys = { .ek_size = 34, .ek_listed = true };
	struct fleet_pass pass = { FLEET_HOST, "" };
	struct standing standing;
	char name[32];

	host->key = EVP_EC_gen("P-256");
	take_key(tpm, host);
	test_quote_sign(tpm);
	for (size_t i = 0; i < 8; i++)
		keys.ek_name[2 + i] = (uint8_t)(number >> 8 * i);
	keys.ak_size = tpm->ak.used;
	must(cursor_copy(keys.ak, sizeof(keys.ak), tpm->ak.base, tpm->ak.used), "key");
	must(!fleet_uuid_new(host->id) && !fleet_secret_new(host->bearer), "random bytes");
	snprintf(name, sizeof(name), "host%zu", number);
	standing_new(&standing, host->id, name);
	text_cut(pass.name, sizeof(pass.name), host->id);
	must(!fleet_host_add(fleet, &standing, &keys) &&
		     !fleet_pass_add(fleet, host->bearer, strlen(host->bearer), &pass, 0),
	     "store");
}

static void make_hosts(size_t cold)
{
	struct test_quote *tpm = test_quote_new(false);
	char path[96], reason[256] = "";
	struct fleet *fleet;

	snprintf(path, sizeof(path), "%s/fleet.db", folder);
	must(!fleet_open(path, reason, sizeof(reason), &fleet) && !fleet_begin(fleet, false),
	     "store");
	hosts = calloc(host_count, sizeof(*hosts));
	for (size_t i = 0; i < host_count; i++) {
		hosts[i].logs = i < cold ? &large : &small;
		add_host(fleet, tpm, &hosts[i], i);
	}
	must(!fleet_end(fleet, true), "store");
	fleet_close(fleet);
	test_quote_free(tpm);
}

static json_t *make_quote(struct test_quote *tpm, struct host *host, const uint8_t *nonce)
{
	json_t *root;

	take_key(tpm, host);
	tpm->values = warm ? host->logs->next : host->logs->pcrs;
	tpm->selection = (struct selection){ 1, { ATTEST_SHA256 }, { 0xffffff } };
	tpm->clock = (struct statement_clock){ 1000 + host->clock++, 3, 1, true };
	test_quote_frame(tpm, nonce, HOST_QUOTE_HOST, 1);
	test_quote_sign(tpm);
	root = test_quote_bundle(tpm, "host", nonce);
	json_object_set_new(json_object_get(root, "host"), "boot_id", json_string(BOOT));
	return root;
}

/* The second warm round of a host has nothing new: what was new is known by then. */
static void add_rest(json_t *root, const struct host *host, json_int_t known)
{
	json_object_set_new(root, "eventlog_sha256", test_bytes(events_digest, 32));
	json_object_set_new(root, "ima_after", json_integer(known));
	if (known == (json_int_t)host->logs->bytes)
		json_object_set(root, "ima", host->logs->more);
}

/* Their side of HTTPS */

struct client {
	CURL *curl;
	struct test_quote *tpm;
	char got[ANSWER];
	size_t length;
};

static size_t take(char *data, size_t size, size_t count, void *user)
{
	struct client *client = user;

	if (!cursor_copy(client->got + client->length, ANSWER - 1 - client->length, data,
			 size * count))
		return 0;
	client->length += size * count;
	return size * count;
}

static json_t *ask(struct client *client, const struct host *host, const char *what,
		   const char *body)
{
	char url[256], header[128];
	struct curl_slist *headers;
	long status = 0;

	snprintf(url, sizeof(url), "%s/v1/hosts/%s/%s", base, host->id, what);
	snprintf(header, sizeof(header), "Authorization: Bearer %s", host->bearer);
	headers = curl_slist_append(curl_slist_append(NULL, header), "Expect:");
	client->length = 0;
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
	if (body)
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
	if (!curl_easy_perform(client->curl))
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	client->got[client->length] = '\0';
	curl_slist_free_all(headers);
	if (status != 200)
		fprintf(stderr, "hosts: status %ld: %s\n", status, client->got);
	must(status == 200, "the service does not answer so");
	return json_loadb(client->got, client->length, 0, NULL);
}

static void round_of(struct client *client, struct host *host)
{
	json_t *challenge = ask(client, host, "challenge", NULL), *root, *found;
	const char *text = json_string_value(json_object_get(challenge, "nonce"));
	const json_t *known = json_object_get(challenge, "known");
	uint8_t nonce[HOST_QUOTE_NONCE];
	char *body, *whole = NULL;

	must(text && base64_read(text, strlen(text), nonce, sizeof(nonce)) == sizeof(nonce),
	     "no nonce");
	must(!warm == !known, "the service knows not what it should");
	root = make_quote(client->tpm, host, nonce);
	if (warm)
		add_rest(root, host, json_integer_value(json_object_get(known, "ima_bytes")));
	body = json_dumps(root, JSON_COMPACT);
	if (!warm) {
		body[strlen(body) - 1] = '\0';
		must(asprintf(&whole, "%s,%s", body, host->logs->first) > 0, "no memory");
	}
	found = ask(client, host, "evidence", whole ? whole : body);
	text = json_string_value(json_object_get(found, "status"));
	if (strcmp(text, "passed"))
		fprintf(stderr, "hosts: %s\n", client->got);
	must(!strcmp(text, "passed"), "a host did not pass");
	free(body);
	free(whole);
	json_decref(challenge);
	json_decref(root);
	json_decref(found);
}

static struct host *take_next(void)
{
	struct host *host = NULL;

	pthread_mutex_lock(&lock);
	if (next_host < phase_end)
		host = &hosts[next_host++];
	pthread_mutex_unlock(&lock);
	return host;
}

static void *run_client(void *unused)
{
	struct client *client = calloc(1, sizeof(*client));
	struct host *host;

	client->tpm = test_quote_new(false);
	client->curl = curl_easy_init();
	curl_easy_setopt(client->curl, CURLOPT_CAINFO, pem);
	curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	while ((host = take_next()))
		round_of(client, host);
	curl_easy_cleanup(client->curl);
	test_quote_free(client->tpm);
	free(client);
	return unused;
}

/* The service */

static void pin(bool service)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = service ? 0 : 1; i < (service ? 1 : CPU_SETSIZE); i++)
		CPU_SET(i, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		sched_setaffinity(0, sizeof(set), &set);
}

static void write_config(char *ret, size_t room)
{
	FILE *file;

	snprintf(ret, room, "%s/conf", folder);
	file = fopen(ret, "w");
	must(file, "configuration");
	fprintf(file, "[verifier]\ndatabase = %s/fleet.db\nca = %s/ca\nport = 0\nevery = 0\n"
		      "certificate = %s/ca/ca.pem\nkey = %s/ca/ca.key\nevidence = 4096\n",
		folder, folder, folder, folder);
	fclose(file);
}

static pid_t start_service(const char *program)
{
	char path[96], said[256] = "";
	int out[2];
	pid_t pid;

	write_config(path, sizeof(path));
	must(!pipe(out), "pipe");
	pid = fork();
	if (!pid) {
		pin(true);
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, "serve", "--config", path, NULL);
		_exit(127);
	}
	close(out[1]);
	must(read(out[0], said, sizeof(said) - 1) > 0 && strstr(said, " port "), "no service");
	snprintf(base, sizeof(base), "%s://127.0.0.1:%ld", "https",
		 strtol(strstr(said, " port ") + 6, NULL, 10));
	return pid;
}

/* Return: seconds of the processor that it has used. */
static double used_by(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	must(file && fscanf(file,
			    "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			    &user, &system) == 2, "the service is gone");
	fclose(file);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long memory_of(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib / 1024;
}

/* One round of hosts up to @to. Return: is it as much as is asked for? */
static bool phase(const char *name, pid_t pid, size_t from, size_t to, double aim)
{
	double began = now(), used = used_by(pid), clock, processor;
	pthread_t clients[CLIENTS];

	if (from == to)
		return true;
	next_host = from;
	phase_end = to;
	for (int i = 0; i < CLIENTS; i++)
		must(!pthread_create(&clients[i], NULL, run_client, NULL), "thread");
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	clock = (double)(to - from) / (now() - began) * 60;
	processor = (double)(to - from) / (used_by(pid) - used) * 60;
	printf("%-5s %6zu hosts: %8.0f a minute by the clock, %8.0f by processor time", name,
	       to - from, clock, processor);
	if (aim > 0)
		printf("; %.0f asked", aim);
	printf("; at most %ld MiB so far\n", memory_of(pid));
	fflush(stdout);
	return clock >= aim || processor >= aim;
}

/* The same round without network and store, by processor time */

static double used_here(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double verify_bare(struct test_quote *tpm)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(tpm->ak_key, NULL);
	uint8_t digest[32] = { 1 }, signature[512];
	size_t length = sizeof(signature);
	double began;

	must(EVP_PKEY_sign_init(context) == 1 &&
		     EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
		     EVP_PKEY_sign(context, signature, &length, digest, sizeof(digest)) == 1 &&
		     EVP_PKEY_verify_init(context) == 1 &&
		     EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1,
	     "libcrypto");
	began = used_here();
	for (int i = 0; i < LOCAL; i++)
		must(EVP_PKEY_verify(context, signature, length, digest, sizeof(digest)) == 1,
		     "libcrypto");
	began = used_here() - began;
	EVP_PKEY_CTX_free(context);
	return LOCAL / began;
}

/* Return: rounds a second; @text: with reading the bundle, otherwise it was read before. */
static double judge_again(struct judge *judge, struct hash_part ak, json_t *root, bool read)
{
	static const uint8_t nonce[HOST_QUOTE_NONCE];
	struct judgement *found = calloc(1, sizeof(*found));
	char *text = json_dumps(root, JSON_COMPACT);
	struct bundle bundle;
	double began;

	must(!bundle_read(&bundle, text, strlen(text), &found->verdict), "bundle");
	began = used_here();
	for (int i = 0; i < LOCAL; i++) {
		if (read) {
			bundle_done(&bundle);
			must(!bundle_read(&bundle, text, strlen(text), &found->verdict), "bundle");
		}
		judgement_init(found);
		must(!judge_evidence(judge, &bundle, ak, nonce, found) && !found->verdict.status,
		     "a round did not pass");
	}
	began = used_here() - began;
	bundle_done(&bundle);
	free(text);
	free(found);
	return LOCAL / began;
}

static void judge_once(struct judge *judge, struct hash_part ak, json_t *root)
{
	static const uint8_t nonce[HOST_QUOTE_NONCE];
	struct judgement *found = calloc(1, sizeof(*found));
	char *text = json_dumps(root, JSON_COMPACT);
	struct bundle bundle;

	judgement_init(found);
	must(!bundle_read(&bundle, text, strlen(text), &found->verdict) &&
		     !judge_evidence(judge, &bundle, ak, nonce, found) && !found->verdict.status,
	     "a round did not pass");
	bundle_done(&bundle);
	json_decref(root);
	free(text);
	free(found);
}

/* Logs known, nothing new in them. Return: is its share of bare verifications large enough? */
static bool compare_local(bool rsa)
{
	static const uint8_t nonce[HOST_QUOTE_NONCE];
	struct test_quote *tpm = test_quote_new(rsa);
	const struct hash_part ak = { tpm->ak.base, tpm->ak.used };
	struct host host = { .key = tpm->ak_key, .logs = &small };
	double bare, judged, read;
	char *whole = NULL;
	struct judge judge;
	json_t *root;

	EVP_PKEY_up_ref(host.key);
	must(!judge_init(&judge, 1 << 20), "no memory");
	warm = false;
	root = make_quote(tpm, &host, nonce);
	must(asprintf(&whole, "{%s", small.first) > 0, "no memory");
	json_object_update_new(root, json_loads(whole, 0, NULL));
	judge_once(&judge, ak, root);
	warm = true;
	root = make_quote(tpm, &host, nonce);
	add_rest(root, &host, (json_int_t)small.bytes);
	judge_once(&judge, ak, root);
	root = make_quote(tpm, &host, nonce);
	add_rest(root, &host,
		 (json_int_t)(small.bytes + json_string_length(small.more) * 3 / 4));
	bare = verify_bare(tpm);
	judged = judge_again(&judge, ak, root, false);
	read = judge_again(&judge, ak, root, true);
	printf("%-5s here: %.0f bare verifications a second, %.0f rounds judged (%.0f %%; %d %% "
	       "asked), %.0f with their JSON (%.0f %%)\n", rsa ? "RSA" : "P-256", bare, judged,
	       judged / bare * 100, SHARE, read, read / bare * 100);
	json_decref(root);
	free(whole);
	judge_done(&judge);
	EVP_PKEY_free(host.key);
	test_quote_free(tpm);
	return judged / bare * 100 >= SHARE;
}

static void remove_folder(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command))
		fprintf(stderr, "hosts: %s stays\n", folder);
}

static long number_of(const char *word, long otherwise)
{
	return word ? strtol(word, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	char path[96], reason[256] = "";
	bool good = true;
	size_t cold;
	pid_t pid;

	must(argc > 1, "usage: hosts PROGRAM [HOSTS [COLD]]");
	host_count = (size_t)number_of(argc > 2 ? argv[2] : NULL, 20000);
	cold = (size_t)number_of(argc > 3 ? argv[3] : NULL, 500);
	must(cold <= host_count && mkdtemp(folder), "no folder, or more cold hosts than hosts");
	snprintf(path, sizeof(path), "%s/ca", folder);
	snprintf(pem, sizeof(pem), "%s/ca/ca.pem", folder);
	must(!ca_init(path, NULL, reason, sizeof(reason)), "no CA");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	make_all_logs();
	make_hosts(cold);
	pid = start_service(argv[1]);
	pin(false);
	good &= phase("cold", pid, 0, cold, COLD_ASK);
	phase("fill", pid, cold, host_count, 0);
	warm = true;
	good &= phase("warm", pid, 0, host_count, WARM_ASK);
	good &= memory_of(pid) < MEMORY;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	remove_folder();
	good &= compare_local(false);
	good &= compare_local(true);
	return good ? 0 : 1;
}
