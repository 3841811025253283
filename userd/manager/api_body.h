/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How bodies of requests are read: a table of members for each (api_body.c has the model).
 */
#ifndef MANAGER_API_BODY_H
#define MANAGER_API_BODY_H

#include "manager/api_json.h"

/**
 * struct member - one member of a body
 * @name: its name
 * @must_be: what it must be, for people
 * @take: read it; false: it is something else
 * @required: the body must have it
 */
struct member {
	const char *name;
	const char *must_be;
	bool (*take)(const json_t *value, void *into);
	bool required;
};

/**
 * api_body_take() - read a body by its table
 * @members: table
 * @count: its rows
 * @into: what the takers fill in
 * @problem: out, where the body is refused
 */
bool api_body_take(const char *body, size_t length, const struct member *members, size_t count,
		   void *into, struct problem *problem);

/** api_body_hex() - two digits a byte, nothing else; the caller looks at the length */
bool api_body_hex(const json_t *value, uint8_t *to, size_t room, size_t *ret_length);

/** define POINT_WANTED - what a key must be, for people */
#define POINT_WANTED "a string of 130 hexadecimal digits: an uncompressed point of the curve P-256"

/** api_body_point() - a public key. Return: it is an uncompressed one */
bool api_body_point(const json_t *value, uint8_t to[KEYD_POINT_SIZE]);

#endif /* MANAGER_API_BODY_H */
