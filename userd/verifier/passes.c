// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handlers: who is let in, and the report.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"
#include "base/text.h"
#include "verifier/report.h"
#include "verifier/request.h"

#define TOKEN_SECONDS	86400
#define CERTIFICATE_MAX 8192

static bool read_grant(const json_t *body, struct fleet_pass *ret)
{
	const char *role = json_string_value(json_object_get(body, "role"));
	const char *name = json_string_value(json_object_get(body, "name"));

	if (!role || !name || !*name || strlen(name) >= sizeof(ret->name))
		return false;
	*ret = (struct fleet_pass){ FLEET_NOBODY, "" };
	text_cut(ret->name, sizeof(ret->name), name);
	/* A host gets its bearer from its enrolment, from nobody else. */
	for (enum fleet_role known = FLEET_VIEWER; known < _FLEET_ROLE_MAX; known++)
		if (!strcmp(fleet_role_name(known), role))
			ret->role = known;
	return ret->role != FLEET_NOBODY;
}

/* Return: bytes of the certificate's DER; 0: it is none. */
static size_t read_certificate(const char *pem, uint8_t ret[CERTIFICATE_MAX])
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int size = certificate ? i2d_X509(certificate, NULL) : 0;
	unsigned char *to = ret;

	if (size > 0 && size <= CERTIFICATE_MAX)
		size = i2d_X509(certificate, &to);
	else
		size = 0;
	X509_free(certificate);
	BIO_free(bio);
	return (size_t)size;
}

static int add(struct fleet *fleet, const void *secret, size_t size, const struct fleet_pass *pass)
{
	int64_t until = pass->role == FLEET_ENROL ? time(NULL) + TOKEN_SECONDS : 0;
	int r = fleet_begin(fleet, true);

	if (r)
		return r;
	r = fleet_pass_add(fleet, secret, size, pass, until);
	return fleet_end(fleet, !r) && !r ? -EIO : r;
}

static void grant(struct request *request, const struct fleet_pass *pass, const char *pem)
{
	struct fleet *fleet = request->service->fleet;
	uint8_t certificate[CERTIFICATE_MAX];
	char secret[FLEET_SECRET] = "";
	size_t size = 0;
	int r;

	if (pem) {
		size = read_certificate(pem, certificate);
		r = size && pass->role != FLEET_ENROL ? add(fleet, certificate, size, pass)
						      : -EINVAL;
	} else {
		r = fleet_secret_new(secret);
		if (!r)
			r = add(fleet, secret, strlen(secret), pass);
	}
	if (r == -EINVAL)
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
			       "\"certificate\" is no certificate in PEM",
			       "leave it out to get a bearer");
	else if (r == -EEXIST)
		request_refuse(request, MHD_HTTP_CONFLICT, "exists",
			       "this certificate has a role already", "take that away first");
	else if (r)
		request_broken(request);
	else
		request_answer(request, MHD_HTTP_CREATED,
			       json_pack("{s:s, s:s, s:s*}", "role", fleet_role_name(pass->role),
					 "name", pass->name, "bearer", pem ? NULL : secret));
	secret_wipe(secret, sizeof(secret));
}

static void malformed(struct request *request)
{
	request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
		       "\"role\" is no viewer, operator, admin or enrol, or \"name\" is empty",
		       "see verifier-api.yaml");
}

void passes_add(struct request *request)
{
	static const char *const names[] = { "role", "name", "certificate", NULL };
	json_t *body = request_object(request, names);
	struct fleet_pass pass;

	if (!body)
		return;
	if (read_grant(body, &pass))
		grant(request, &pass, json_string_value(json_object_get(body, "certificate")));
	else
		malformed(request);
	json_decref(body);
}

void passes_remove(struct request *request)
{
	static const char *const names[] = { "role", "name", NULL };
	json_t *body = request_object(request, names);
	struct fleet *fleet = request->service->fleet;
	struct fleet_pass pass;
	bool good;
	int r;

	if (!body)
		return;
	good = read_grant(body, &pass);
	json_decref(body);
	if (!good) {
		malformed(request);
		return;
	}
	r = fleet_begin(fleet, true);
	if (!r) {
		r = fleet_pass_remove(fleet, &pass);
		if (fleet_end(fleet, !r) && !r)
			r = -EIO;
	}
	if (r == -ENOENT)
		request_refuse(request, MHD_HTTP_NOT_FOUND, "not-found",
			       "nobody has this role and name", "names are told apart by case");
	else if (r)
		request_broken(request);
	else
		request_answer(request, MHD_HTTP_OK, json_object());
}

void report_get(struct request *request)
{
	const struct service *service = request->service;
	size_t length;
	char *text;

	if (report_new(service->fleet, service->config->name, time(NULL), REPORT_HTML, true, &text,
		       &length))
		request_broken(request);
	else
		request_answer_text(request, "text/html; charset=utf-8", text, length);
}
