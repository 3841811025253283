/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON of the API: views become objects, bodies become structures.
 *
 * Bodies are read strictly: a member that is unknown, there twice or of another kind
 * is refused by its name.
 */
#ifndef MANAGER_API_JSON_H
#define MANAGER_API_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "manager/manager.h"
#include "manager/plan.h"

/** api_json_hex() - bytes as digits. Return: a new reference; NULL: no memory */
json_t *api_json_hex(const uint8_t *bytes, size_t length);

/** api_json_vtpm() - a vTPM. Return: a new reference; NULL: no memory */
json_t *api_json_vtpm(const struct vtpm_view *view);

/** api_json_host() - the host. Return: a new reference; NULL: no memory */
json_t *api_json_host(const struct manager_host *host);

/** api_json_recovery() - what KEYD_RECOVERY returned. Return: a new reference; NULL: no memory */
json_t *api_json_recovery(const uint8_t *record, size_t length, const uint8_t *session);

/** api_json_identity() - who the host is. Return: a new reference; NULL: no memory */
json_t *api_json_identity(const struct manager_identity *identity);

/** api_json_attested() - a vTPM, vouched for. Return: a new reference; NULL: no memory */
json_t *api_json_attested(const struct manager_attested *attested);

/** api_json_quote() - a quote of the host. Return: a new reference; NULL: no memory */
json_t *api_json_quote(const struct manager_quote *quote);

/** api_json_plans() - planned configurations. Return: a new reference; NULL: no memory */
json_t *api_json_plans(const struct manager_plans *plans);

/** api_json_proof() - what was in a credential. Return: a new reference; NULL: no memory */
json_t *api_json_proof(struct manager_bytes proof);

/** api_json_papers() - certificates of a vTPM's keys. Return: a new reference; NULL: no memory */
json_t *api_json_papers(const struct manager_papers *papers);

/** api_json_problem() - a problem (RFC 9457). Return: a new reference; NULL: no memory */
json_t *api_json_problem(unsigned int status, const char *name, const char *detail,
			 const char *next);

/**
 * api_json_create() - read the body of POST /v1/vtpms
 * @what: out; the caller has set uid and gid to what they are where the body is silent
 * @body: bytes
 * @length: how many
 * @problem: out, where the body is refused
 */
bool api_json_create(struct manager_create *what, const char *body, size_t length,
		     struct problem *problem);

/** api_json_launch() - read the body of POST /v1/vtpms/{name}/launch; the caller has set uid */
bool api_json_launch(struct manager_launch *what, const char *body, size_t length,
		     struct problem *problem);

/** api_json_host_init() - read the body of POST /v1/host/init */
bool api_json_host_init(struct manager_host_init *what, const char *body, size_t length,
			struct problem *problem);

/** api_json_box() - read the body of POST /v1/host/migration-key: no more than a box */
bool api_json_box(struct manager_host_unlock *what, const char *body, size_t length,
		  struct problem *problem);

/** api_json_unlock() - read the body of POST /v1/host/unlock */
bool api_json_unlock(struct manager_host_unlock *what, const char *body, size_t length,
		     struct problem *problem);

/** api_json_accept() - read the body of POST /v1/host/accept */
bool api_json_accept(struct manager_host_accept *what, const char *body, size_t length,
		     struct problem *problem);

/** api_json_rollback() - read the body of POST /v1/host/rollback */
bool api_json_rollback(struct manager_host_rollback *what, const char *body, size_t length,
		       struct problem *problem);

/** api_json_attest_wish() - read the body of POST /v1/vtpms/{name}/attest */
bool api_json_attest_wish(struct manager_attest_wish *what, const char *body, size_t length,
			  struct problem *problem);

/** api_json_quote_wish() - read the body of POST /v1/host/quote */
bool api_json_quote_wish(struct manager_quote_wish *what, const char *body, size_t length,
			 struct problem *problem);

/** api_json_credential() - read the body of POST /v1/host/activate */
bool api_json_credential(struct manager_credential *what, const char *body, size_t length,
			 struct problem *problem);

/** api_json_certificate() - read the body of POST /v1/vtpms/{name}/certificates/replace */
bool api_json_certificate(struct manager_certificate *what, const char *body, size_t length,
			  struct problem *problem);

/** api_json_key() - read the body of POST /v1/vtpms/{name}/certificates/renew; no member: all */
bool api_json_key(struct manager_certificate *what, const char *body, size_t length,
		  struct problem *problem);

/** api_json_nothing() - a body without any member, or no body */
bool api_json_nothing(const char *body, size_t length, struct problem *problem);

/** api_front_name() - "device", "chip", "socket" or "vm". Return: NULL for another value */
const char *api_front_name(unsigned int front);

/** api_key_kind() - of "iak" and the like. Return: _KEYD_CERT_KIND_MAX for another name, or NULL */
enum keyd_cert_kind api_key_kind(const char *name);

/** api_rollback_name() - "lazy" for KEYD_ROLLBACK_LAZY, and so on; "unknown" for others */
const char *api_rollback_name(unsigned int rollback);

/** api_bank_name() - "sha256" for TPM_ALG_SHA256, and so on. Return: NULL for another value */
const char *api_bank_name(unsigned int algorithm);

/** api_name_valid() - may a vTPM have this name? */
bool api_name_valid(const char *name);

#endif /* MANAGER_API_JSON_H */
