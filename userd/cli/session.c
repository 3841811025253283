// SPDX-License-Identifier: BSD-3-Clause
/*
 * Bytes travel as hexadecimal digits. What vtpmd says here is believed as little as what
 * anybody says: a wrong session key only makes a box that keyd cannot open.
 */
#include "cli/session.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/report.h"

json_t *session_hex(const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * KEYD_BOX_MAX];

	for (size_t i = 0; i < length && i < KEYD_BOX_MAX; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return json_stringn(text, 2 * length);
}

static bool take_hex(const json_t *object, const char *member, uint8_t *ret, size_t room,
		     size_t *ret_length)
{
	const char *text = json_string_value(json_object_get(object, member));
	unsigned int byte;
	size_t length = text ? strlen(text) : 0;

	if (!length || length % 2 || length / 2 > room ||
	    strspn(text, "0123456789abcdef") != length)
		return false;
	for (size_t i = 0; i < length / 2; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		ret[i] = (uint8_t)byte;
	}
	*ret_length = length / 2;
	return true;
}

static bool understand(const json_t *body, struct session *ret)
{
	const json_t *record = json_object_get(body, "record");
	size_t length;

	*ret = (struct session){ 0 };
	if (!take_hex(body, "session_public", ret->point, sizeof(ret->point), &length) ||
	    length != sizeof(ret->point))
		return false;
	return json_is_null(record) ||
	       take_hex(body, "record", ret->record, sizeof(ret->record), &ret->record_length);
}

json_t *session_get(const struct cli *cli, struct session *ret)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host/recovery" };
	json_t *body = NULL, *problem = NULL;

	if (client_ask(cli, &request, &body, &problem, NULL) && !understand(body, ret))
		problem = report_problem("internal", "is it vtpmd, and of this version?",
					 "vtpmd gave a recovery record that vtpmctl does not "
					 "understand");
	json_decref(body);
	return problem;
}

json_t *session_box(const struct session *session, const char *label, struct seal_bytes text,
		    json_t **ret_box)
{
	uint8_t box[KEYD_BOX_MAX];

	if (text.length > BOX_TEXT_MAX ||
	    box_close(session->point, label, (struct seal_bytes){ 0 }, text, box))
		return report_problem("internal", "restart vtpm-keyd",
				      "vtpm-keyd's session key is no point of P-256");
	*ret_box = session_hex(box, text.length + BOX_OVERHEAD);
	return NULL;
}
