/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration of a container, as the OCI runtime specification has it (config.json):
 * what a hook reads of it, and what it adds.
 */
#ifndef OCI_CONFIG_H
#define OCI_CONFIG_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

/** define CONFIG_WANTED - annotation: "new", or the name of a vTPM */
#define CONFIG_WANTED "org.vtpm.tpm"

/** define CONFIG_IMAGE - annotation: the image, where no storage knows it */
#define CONFIG_IMAGE "org.vtpm.image"

/** define CONFIG_RESTART - annotation: "reset" or "keep", what a start does to a named vTPM */
#define CONFIG_RESTART "org.vtpm.restart"

/** define CONFIG_NAME - annotation that is added: the name of the vTPM that it has */
#define CONFIG_NAME "org.vtpm.name"

/** config_annotation() - Return: its text, valid as long as @config; NULL: there is none */
const char *config_annotation(const json_t *config, const char *name);

/**
 * config_root() - path of the container's root
 * @config: configuration
 * @ret: from / on; one that is relative to the bundle is so to our working directory
 * @room: bytes of @ret
 *
 * Return: 0; -ENOENT (there is none); -ENAMETOOLONG; -errno of getcwd().
 */
int config_root(const json_t *config, char *ret, size_t room);

/**
 * config_digest() - what runs in the container, and with which rights
 * @config: as the container engine made it
 * @ret: "sha256:" and 64 digits
 * @room: bytes of @ret, at least 72
 *
 * Of two starts of the same thing the digest is the same, so it leaves out what is another
 * each time: host name, paths of this host, annotations; and the order of what podman keeps
 * in no order.
 *
 * Return: 0 or -ENOMEM.
 */
int config_digest(const json_t *config, char *ret, size_t room);

/**
 * config_user() - who will use the vTPM, as this host numbers users
 * @config: configuration
 * @ret_uid: the user of the container's process
 * @ret_gid: its group
 *
 * Two maps lie between: that of the container's user namespace, if it gets one, and that
 * of the caller's, in which a container of a user without rights is begun.
 *
 * Return: 0; -ERANGE (the maps have no such user); -errno of open() or read().
 */
int config_user(const json_t *config, uid_t *ret_uid, gid_t *ret_gid);

/**
 * config_add_vtpm() - give the container a vTPM
 * @config: changed
 * @name: of the vTPM
 * @raw: path of its raw node
 * @rm: path of its shared node
 *
 * Return: 0; -ENOMEM; -errno of stat().
 */
int config_add_vtpm(json_t *config, const char *name, const char *raw, const char *rm);

/**
 * config_add_poststop() - have a program run when the container is deleted
 * @config: changed
 * @arguments: the program's path, then its arguments; the reference is taken
 *
 * Return: 0 or -ENOMEM.
 */
int config_add_poststop(json_t *config, json_t *arguments);

#endif /* OCI_CONFIG_H */
