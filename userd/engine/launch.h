/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a container is started from, measured when its TPM is powered on.
 */
#ifndef ENGINE_LAUNCH_H
#define ENGINE_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct engine_event - something to be measured
 * @bytes: borrowed
 * @length: how many, at most ENGINE_EVENT_MAX; 0: nothing
 */
struct engine_event {
	const uint8_t *bytes;
	size_t length;
};

/**
 * struct engine_launch - what a container is started from; empty: there is no container
 * @image: whose file system it has
 * @configuration: what it runs there, and with which rights
 */
struct engine_launch {
	struct engine_event image;
	struct engine_event configuration;
};

/**
 * engine_order_launch() - measure it; nothing where there is nothing
 *
 * Return: 0; -ENOTRECOVERABLE (the TPM refuses).
 */
int engine_order_launch(const struct engine_launch *launch);

#endif /* ENGINE_LAUNCH_H */
