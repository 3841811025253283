/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request to the service: who asks, what, and the answer.
 *
 * Whoever may not ask is refused after the head, before a byte of the body is kept.
 */
#ifndef VERIFIER_REQUEST_H
#define VERIFIER_REQUEST_H

#include "verifier/service.h"
#include "verifier/sync.h"

struct request;

/**
 * struct route - a method and a path
 * @method: of HTTP
 * @path: "{host}" stands for an id
 * @roles: who may ask, bit n for enum fleet_role n; a host about itself alone
 * @large: the body is evidence
 * @handle: answers
 */
struct route {
	const char *method;
	const char *path;
	unsigned int roles;
	bool large;
	void (*handle)(struct request *request);
};

/**
 * struct request - one
 * @service: asked
 * @connection: of libmicrohttpd
 * @route: NULL: there is none
 * @pass: who asks
 * @host: id in the path; empty for none
 * @body: of the request
 * @length: bytes of it
 * @room: bytes there is memory for
 * @too_long: more bytes came than may
 * @status: of the answer; 0: none yet
 * @answer: made
 * @durable: the answer has to wait until what it tells is on the disk
 * @lost: it did not get there
 * @waiter: for that
 */
struct request {
	struct service *service;
	struct MHD_Connection *connection;
	const struct route *route;
	struct fleet_pass pass;
	char host[STANDING_ID];
	char *body;
	size_t length;
	size_t room;
	bool too_long;
	unsigned int status;
	struct MHD_Response *answer;
	bool durable;
	bool lost;
	struct sync_waiter waiter;
};

/** route_find() - by method and path. Return: NULL: none; @ret_path: the path is there */
const struct route *route_find(const char *method, const char *path, char ret_host[STANDING_ID],
			       bool *ret_path);

/** route_each() - the table. Return: a route; NULL after the last */
const struct route *route_each(size_t index);

/** route_may() - may somebody ask this of @host? */
bool route_may(const struct route *route, const struct fleet_pass *pass, const char *host);

/** request_answer() - with JSON, taken over; NULL without memory */
void request_answer(struct request *request, unsigned int status, json_t *body);

/** request_answer_text() - with bytes, taken over */
void request_answer_text(struct request *request, const char *type, char *text, size_t length);

/** request_refuse() - with a problem (RFC 9457) */
void request_refuse(struct request *request, unsigned int status, const char *name,
		    const char *detail, const char *next);

/** request_broken() - the store cannot be read or written */
void request_broken(struct request *request);

/**
 * request_object() - the body
 * @names: members it may have, ended by NULL
 *
 * Return: an object, for json_decref(); NULL: the request was refused.
 */
json_t *request_object(struct request *request, const char *const *names);

/** request_no_host() - there is none with this id (-ENOENT), or the store is broken */
void request_no_host(struct request *request, int r);

/** request_now_ms() - of a clock that is never set */
int64_t request_now_ms(void);

/** request_note() - an event that somebody caused: @by */
void request_note(struct attest_reason *ret, enum attest_status status, const char *code,
		  const char *by, const char *text);

/** request_end() - end a change, and have it told. Return: does all of it stand? */
bool request_end(struct request *request, bool good);

/** request_run() - libmicrohttpd has a head, a piece of a body, or its end */
enum MHD_Result request_run(void *cls, struct MHD_Connection *connection, const char *url,
			    const char *method, const char *version, const char *data,
			    size_t *size, void **context);

/** request_done() - libmicrohttpd is done with it */
void request_done(void *cls, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode code);

/* Handlers */
void hosts_list(struct request *request);
void hosts_add(struct request *request);
void hosts_get(struct request *request);
void hosts_remove(struct request *request);
void hosts_events(struct request *request);
void hosts_challenge(struct request *request);
void hosts_facts(struct request *request);
void hosts_acknowledge(struct request *request);
void events_list(struct request *request);
void passes_add(struct request *request);
void passes_remove(struct request *request);
void evidence_take(struct request *request);
void enrol_begin(struct request *request);
void enrol_finish(struct request *request);
void enrol_list(struct request *request);
void enrol_unverifiable(struct request *request);
void report_get(struct request *request);
void shares_keep(struct request *request);
void shares_revoke(struct request *request);
void authority_ask(struct request *request);
void authority_certify(struct request *request);
void authority_revocations(struct request *request);
void authority_list(struct request *request);

#endif /* VERIFIER_REQUEST_H */
