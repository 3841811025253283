// SPDX-License-Identifier: BSD-3-Clause
/*
 * One request by libcurl; see the header. What the verifier says is text of somebody else:
 * report() makes it harmless.
 */
#include "cli/verifier.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "cli/report.h"

#define ANSWER_MAX ((size_t)1 << 20)
#define SECONDS	   60L

struct answer {
	char *bytes;
	size_t length;
};

static size_t on_bytes(char *bytes, size_t one, size_t count, void *userdata)
{
	struct answer *answer = userdata;
	char *longer;

	if (count > ANSWER_MAX - answer->length)
		return 0;
	longer = realloc(answer->bytes, answer->length + count);
	if (!longer)
		return 0;
	cursor_copy(longer + answer->length, count, bytes, count * one);
	answer->bytes = longer;
	answer->length += count;
	return count;
}

static json_t *understand(const struct verifier_request *request, const struct answer *answer,
			  long status, json_t **ret)
{
	json_t *body = json_loadb(answer->bytes ? answer->bytes : "", answer->length,
				  JSON_REJECT_DUPLICATES, NULL);
	const char *detail = json_string_value(json_object_get(body, "detail"));
	const char *next = json_string_value(json_object_get(body, "next"));
	const char *type = json_string_value(json_object_get(body, "type")), *name = "failed";
	json_t *problem;

	if (status == 401 || status == 403)
		name = "auth";
	else if (type && !strcmp(type, "urn:vtpm-verify:problem:logs"))
		name = "logs";
	if (status == 200 && json_is_object(body)) {
		*ret = body;
		return NULL;
	}
	problem = report_problem(name, next ? next : "ask the verifier's administrator",
				 "the verifier at %s refuses (HTTP status %ld): %.400s",
				 request->url, status, detail ? detail : "it does not say why");
	json_decref(body);
	return problem;
}

static struct curl_slist *headers_of(const struct verifier_request *request)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char bearer[256];

	if (request->bearer) {
		snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", request->bearer);
		headers = curl_slist_append(headers, bearer);
		secret_wipe(bearer, sizeof(bearer));
	}
	return headers;
}

static json_t *perform(const struct verifier_request *request, CURL *curl, const char *url,
		       const char *body, json_t **ret)
{
	struct curl_slist *headers = headers_of(request);
	struct answer answer = { 0 };
	char why[CURL_ERROR_SIZE] = "";
	json_t *problem;
	long status = 0;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, SECONDS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (request->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code)
		problem = report_problem("unreachable",
					 "look at the URL, at --ca, and at the verifier",
					 "the verifier at %s cannot be asked: %s", request->url,
					 why[0] ? why : curl_easy_strerror(code));
	else
		problem = understand(request, &answer, status, ret);
	curl_slist_free_all(headers);
	if (answer.bytes)
		secret_wipe(answer.bytes, answer.length);
	free(answer.bytes);
	return problem;
}

json_t *verifier_ask(const struct verifier_request *request, json_t **ret)
{
	char *body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
	CURL *curl = curl_easy_init();
	json_t *problem;
	char url[512];
	int length;

	length = snprintf(url, sizeof(url), "%s%s", request->url, request->path);
	if (strncmp(request->url, "https://", 8) || length < 0 || (size_t)length >= sizeof(url))
		problem = report_problem("usage", "give one that begins with https://",
					 "'%.100s' is no URL of a verifier", request->url);
	else if (!curl || (request->body && !body))
		problem = report_problem("internal", NULL, "there is no memory left");
	else
		problem = perform(request, curl, url, body, ret);
	curl_easy_cleanup(curl);
	json_decref(request->body);
	if (body)
		secret_wipe(body, strlen(body));
	free(body);
	return problem;
}

json_t *verifier_strange(const char *url)
{
	return report_problem("failed", "is it a verifier, and of this version?",
			      "the verifier at %s gave an answer that vtpmctl does not understand",
			      url);
}
