/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking vtpmd, in as little time as a container's start can spare.
 *
 * vtpmctl does it by libcurl, whose libraries take longer to load than a vTPM takes to be
 * made (decision 016). Here a request is one write to vtpmd's socket, and an answer is read
 * to its end, as HTTP/1.0 has it.
 */
#ifndef OCI_ASK_H
#define OCI_ASK_H

#include <jansson.h>

/**
 * ask() - one request, one answer
 * @socket: path of vtpmd's
 * @method: of HTTP
 * @path: on the server; of letters, digits and "/._-", for a part of it may be a name that
 *	somebody else chose, who is not to end this request and begin another one
 * @body: object, or NULL; its reference is taken
 * @ret_answer: object; NULL for an empty answer; for the caller to put, in any case
 *
 * Return: the status of HTTP; -EINVAL (that is no path); -ENAMETOOLONG; -ENOMEM; -EPROTO (it is
 * no answer); -errno of socket(), connect(), write() or read().
 */
int ask(const char *socket, const char *method, const char *path, json_t *body,
	json_t **ret_answer);

#endif /* OCI_ASK_H */
