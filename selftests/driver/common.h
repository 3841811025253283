/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the driver's tests share: a device under test, a fake server, TPM bytes.
 *
 * Functions return 0 or more, or a negative errno, and never judge: judging is
 * the tests' part. A device gets a name and a UUID that no other test has. The fake
 * server answers OPEN and CLOSE, and gives each command back as its own response
 * (same bytes after the head), so a test sees whose answer it got.
 */
#ifndef _VTPM_TEST_COMMON_H
#define _VTPM_TEST_COMMON_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/vtpm.h>
#include <linux/vtpm_ask.h>
#include <linux/vtpm_proxy.h>

#define TPM_HEAD 10
#define TPM_NO_SESSIONS 0x8001
#define TPM_SESSIONS 0x8002
#define TPM_CC_CREATE_PRIMARY 0x131
#define TPM_CC_GET_RANDOM 0x17b
#define TPM_CC_PCR_EXTEND 0x182
#define TPM_CC_SET_LOCALITY 0x20001000
#define TPM_RC_FAILURE 0x101

/*
 * Tests run on shared processors. What has to come is waited for with patience, which
 * only a failure uses up; a limit of time that a test has to be quicker than is one
 * of seconds; and what has to be quick is measured with fair_ms().
 */
#define PATIENCE_MS 30000
#define LIMIT_MS 2000
#define PROMISE_MS 3000

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* One device and the control node it was made through. */
struct device {
	int control;
	char name[VTPM_NAME_SIZE];
	uint8_t uuid[16];
	struct vtpm_create create;
	uint64_t instance;
	char raw[32];
	char rm[32];
};

struct frame {
	struct vtpm_frame head;
	uint8_t payload[VTPM_COMMAND_SIZE];
};

/* A thread that serves; @commands counts COMMAND frames. */
struct server {
	int fd;
	pthread_t thread;
	bool stop;
	unsigned int commands;
	unsigned int opens;
	unsigned int closes;
};

/* Time. */
uint64_t now_ms(void);
uint64_t fair_ms(void);
void sleep_ms(unsigned int ms);
bool eventually(bool (*is_true)(void *data), void *data, unsigned int ms);

/* Devices. */
const char *control_path(void);
int control_open(void);
int call(int fd, unsigned long cmd, void *arg);
void device_name(struct device *device);
int device_create(struct device *device, int control, const struct vtpm_create *wish);
int device_destroy(struct device *device);
int device_attach(struct device *device, uint32_t flags);
int device_detach(struct device *device);
int device_info(struct device *device, struct vtpm_info *ret_info);
int device_open(struct device *device, const char *node, int flags);
bool device_queues(struct device *device, unsigned int count);
void destroy_all(void);

/* The server's side. */
int server_exchange(int fd, const struct vtpm_answer *answer, size_t answer_size,
		    struct frame *frame);
int server_fetch(int fd, struct frame *frame);
int server_answer(int fd, uint64_t id, int error, const void *response, size_t size);
int server_echo(int fd, const struct frame *frame);
int server_fetch_command(int fd, struct frame *frame);
int server_drain(int fd);
int server_start(struct server *server, int fd);
void server_stop(struct server *server);
pid_t server_fork(struct device *device, uint32_t flags);

/* TPM bytes. */
size_t tpm_build(uint8_t *bytes, uint16_t tag, uint32_t code, const void *body, size_t size);
size_t tpm_command(uint8_t *bytes, uint32_t code, uint32_t marker);
uint32_t tpm_size(const uint8_t *bytes);
uint32_t tpm_code(const uint8_t *bytes);
uint32_t tpm_marker(const uint8_t *bytes);
uint32_t get_u32(const uint8_t *bytes);
void put_u16(uint8_t *bytes, uint16_t value);
void put_u32(uint8_t *bytes, uint32_t value);
int client_write(int fd, uint32_t marker);
int client_write_long(int fd, uint32_t marker);
int client_read(int fd, uint32_t *ret_marker);
int client_run(int fd, uint32_t marker);
int tpm_get_random(int fd);

/* Processes and memory. */
void *bad_address(void);
void *page_before_hole(void);
bool process_becomes(pid_t pid, char state);
int wait_exit(pid_t pid);
int drop_to_user(uid_t uid);
int parameter_set(const char *name, unsigned int value, unsigned int *ret_old);

#endif /* _VTPM_TEST_COMMON_H */
