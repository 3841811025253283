/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the API share: the server, who is connected, one request.
 *
 * A request is read, then either answered at once or pending: its connection is
 * suspended, libmicrohttpd does not look at it, and a done function of manager.h, a
 * time limit or the end of the client ends that. Then libmicrohttpd calls again for the
 * answer.
 *
 *	READING ---> ANSWERED         PENDING: in api->pending, @hangup watches the socket,
 *	   |            ^             the manager knows the request as its context
 *	   +-> PENDING -+-> GONE
 */
#ifndef MANAGER_API_PRIVATE_H
#define MANAGER_API_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <jansson.h>
#include <microhttpd.h>
#include <systemd/sd-event.h>

#include "manager/api.h"
#include "manager/manager.h"

/* Connections of peers that may not ask, and how long they have for their request. */
#define API_STRANGERS_MAX 16
#define API_STRANGER_MS	  1000

struct api_request;

/**
 * struct api - the server
 * @manager: whom it asks
 * @event: loop
 * @daemon: libmicrohttpd's part
 * @io: watches the daemon's epoll descriptor
 * @timer: time libmicrohttpd wants to be called at
 * @path: of the socket; NULL where the socket was given
 * @uids: who may ask besides root and our own user
 * @uid_count: how many
 * @gid: whose members may ask too
 * @request_ms: time for a request to arrive
 * @resumed: a connection was resumed, which libmicrohttpd tells nobody but its next run
 * @strangers: connections of peers that may not ask
 * @waits: long polls that are pending
 * @pending: requests that are
 */
struct api {
	struct manager *manager;
	sd_event *event;
	struct MHD_Daemon *daemon;
	sd_event_source *io;
	sd_event_source *timer;
	char *path;
	uid_t *uids;
	size_t uid_count;
	gid_t gid;
	unsigned int request_ms;
	bool resumed;
	unsigned int strangers;
	unsigned int waits;
	LIST_HEAD(, api_request) pending;
};

/**
 * struct api_peer - who is at the other end of a connection
 * @api: server
 * @fd: the connection, libmicrohttpd's
 * @uid: user that connected
 * @gid: its group
 * @allowed: may ask
 * @deadline: ends the connection where no whole request has arrived in time
 */
struct api_peer {
	struct api *api;
	int fd;
	uid_t uid;
	gid_t gid;
	bool allowed;
	sd_event_source *deadline;
};

/** api_peer_new() - a connection was made. Return: NULL where the kernel does not say by whom */
struct api_peer *api_peer_new(struct api *api, int fd);

/** api_peer_free() - it has ended. Return: NULL */
struct api_peer *api_peer_free(struct api_peer *peer);

/** api_peer_expect() - a request shall arrive in time, or (false) has arrived */
void api_peer_expect(struct api_peer *peer, bool expect);

/**
 * struct api_route - a method of a resource
 * @method: GET (HEAD too), POST, PUT or DELETE
 * @path: with {name} where the name of a vTPM stands
 * @handle: answers the request, or makes it pending
 * @query: the only parameter that may stand behind "?"; NULL for none
 */
struct api_route {
	const char *method;
	const char *path;
	void (*handle)(struct api_request *request);
	const char *query;
};

/**
 * api_route_find() - which route is meant
 * @method: of the request
 * @path: of the request
 * @name: out: what stands in place of {name}, VTPM_NAME_SIZE bytes
 * @allow: out: methods of the resource, separated by ", "; empty: there is no such resource
 * @room: bytes of @allow
 *
 * Return: NULL where there is no such resource, or not that method of it.
 */
const struct api_route *api_route_find(const char *method, const char *path, char *name,
				       char *allow, size_t room);

/* Handlers that stand in other files than the table of routes. */
void api_move_key(struct api_request *request);
void api_move_export(struct api_request *request);
void api_move_import(struct api_request *request);
void api_plan_list(struct api_request *request);
void api_plan_add(struct api_request *request);
void api_plan_retire(struct api_request *request);
void api_share_open(struct api_request *request);
void api_share_bind(struct api_request *request);

/** api_route_body_max() - largest body of a route; NULL for a resource that is not there */
size_t api_route_body_max(const struct api_route *route);

enum api_state {
	API_READING,
	API_PENDING,
	API_ANSWERED,
	API_GONE,
};

/**
 * struct api_request - one request
 * @api: server
 * @peer: who asks
 * @connection: libmicrohttpd's
 * @route: what is asked for; NULL: there is no such thing
 * @name: of the vTPM in the path
 * @allow: methods of the resource
 * @state: see above
 * @suspended: libmicrohttpd does not look at the connection
 * @is_wait: counted in api->waits
 * @received: bytes of the body that came
 * @body: those of them that are kept
 * @length: how many
 * @status: of the answer
 * @response: the answer, NULL where there is no memory for one
 * @hangup: sees the client go while pending
 * @timeout: end of a long poll
 * @entry: in api->pending
 */
struct api_request {
	struct api *api;
	struct api_peer *peer;
	struct MHD_Connection *connection;
	const struct api_route *route;
	char name[VTPM_NAME_SIZE];
	char allow[64];
	enum api_state state;
	bool suspended;
	bool is_wait;
	size_t received;
	char *body;
	size_t length;
	unsigned int status;
	struct MHD_Response *response;
	sd_event_source *hangup;
	sd_event_source *timeout;
	LIST_ENTRY(api_request) entry;
};

/** api_request_handle() - libmicrohttpd's access handler */
enum MHD_Result api_request_handle(void *cls, struct MHD_Connection *connection, const char *url,
				   const char *method, const char *version, const char *data,
				   size_t *data_size, void **con_cls);

/** api_request_completed() - libmicrohttpd has done with a request */
void api_request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			   enum MHD_RequestTerminationCode code);

/**
 * api_request_pend() - an operation begins; say so before asking the manager
 *
 * Return: false: it cannot, and the request has been answered.
 */
bool api_request_pend(struct api_request *request);

/** api_request_abandon() - the server ends: forget a pending request, close its connection */
void api_request_abandon(struct api_request *request);

/** api_request_answer() - with a body, whose reference is taken; NULL for none */
void api_request_answer(struct api_request *request, unsigned int status, json_t *body);

/** api_request_header() - add a header to the answer */
void api_request_header(struct api_request *request, const char *name, const char *value);

/** api_request_fail() - answer with a problem of the manager */
void api_request_fail(struct api_request *request, const struct problem *problem);

/** api_request_refuse() - answer with a problem of HTTP, which problem.h has no code for */
void api_request_refuse(struct api_request *request, unsigned int status, const char *name,
			const char *detail, const char *next);

/**
 * api_request_pend_wait() - the same for one that waits, as long as its parameter says
 * @on_end: called with the request when that time is over
 *
 * Return: false: it cannot, and the request has been answered.
 */
bool api_request_pend_wait(struct api_request *request, sd_event_time_handler_t on_end);

/* Handlers of /v1/gate */
void api_gate_show(struct api_request *request);
void api_gate_default(struct api_request *request);
void api_gate_vtpm(struct api_request *request);
void api_gate_verdict(struct api_request *request);
void api_gate_break(struct api_request *request);
void api_gate_wait(struct api_request *request);

/* Handlers of /v1/host/ca */
void api_hostca_show(struct api_request *request);
void api_hostca_init(struct api_request *request);
void api_hostca_prove(struct api_request *request);
void api_hostca_chain(struct api_request *request);
void api_hostca_revoked(struct api_request *request);

#endif /* MANAGER_API_PRIVATE_H */
