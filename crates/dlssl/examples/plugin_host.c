/* A host program with an OpenSSL of its own, a plugin (plugin.rs) that loads another, and workers that are forked while
   threads are inside of the plugin.

   cc -o host plugin_host.c -lssl -lcrypto -ldl -lpthread
   host PLUGIN.so CERTIFICATES NAME OTHER-LIBRARY-DIRECTORY [global]

   With "global" the host also offers its OpenSSL to every library that is loaded later. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As <openssl/ssl.h> and <openssl/evp.h> have it: the host is built where no headers may be. */
extern void *TLS_method(void);
extern void *SSL_CTX_new(void *method);
extern void SSL_CTX_free(void *context);
extern void *SSL_new(void *context);
extern void SSL_free(void *connection);
extern int RAND_bytes(unsigned char *out, int len);
extern const void *EVP_sha256(void);
extern int EVP_Digest(const void *data, size_t len, unsigned char *out, unsigned *size, const void *type, void *engine);
extern unsigned long ERR_peek_error(void);
extern const char *OpenSSL_version(int kind);

enum { WORKERS = 4, THREADS = 2, LONGEST = 100 };

static int (*reload)(const char *directory);
static int (*handshake)(const char *certificates, const char *name);
static const char *certificates, *name, *other;
static atomic_int stop, rounds;

static void need(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "host, process %ld: %s\n", (long)getpid(), what);
        _exit(1);
    }
}

/* The host's own OpenSSL does what it should, and nobody has left anything in its queue of errors. */
static void own_openssl_works(void) {
    static const unsigned char ABC[4] = {0xba, 0x78, 0x16, 0xbf};
    unsigned char digest[64], block[32];
    unsigned size = 0;
    void *context = SSL_CTX_new(TLS_method());
    need(context != NULL, "no context");
    void *connection = SSL_new(context);
    need(connection != NULL, "no connection");
    SSL_free(connection);
    SSL_CTX_free(context);
    need(EVP_Digest("abc", 3, digest, &size, EVP_sha256(), NULL) == 1 && size == 32, "no digest");
    need(memcmp(digest, ABC, sizeof ABC) == 0, "another digest");
    need(RAND_bytes(block, sizeof block) == 1, "no random bytes");
    need(ERR_peek_error() == 0, "an error in the queue that is nobody's");
}

/* A worker that is still there after a while ends by a signal, which its parent sees. */
static pid_t fork_worker(void (*work)(void)) {
    fflush(stdout);
    pid_t child = fork();
    need(child >= 0, "no worker");
    if (child == 0) {
        alarm(LONGEST);
        work();
        _exit(0);
    }
    return child;
}

static void wait_for(pid_t worker) {
    int status = 0;
    need(waitpid(worker, &status, 0) == worker, "the worker is lost");
    if (status != 0)
        fprintf(stderr, "wait status %#x\n", status);
    need(status == 0, "a worker has failed");
}

static void with_plugin(void) {
    need(reload(other) == 0, "the worker cannot load");
    need(handshake(certificates, name) == 0, "the worker cannot connect");
    need(reload(NULL) == 0, "the worker cannot load again");
    need(handshake(certificates, name) == 0, "the worker cannot connect again");
}

static void with_both(void) {
    own_openssl_works();
    with_plugin();
    own_openssl_works();
}

static void *busy(void *nothing) {
    while (!stop) {
        need(handshake(certificates, name) == 0, "a thread cannot connect");
        rounds++;
    }
    return nothing;
}

int main(int count, char **arguments) {
    need(count >= 5, "usage: host PLUGIN.so CERTIFICATES NAME OTHER-LIBRARY-DIRECTORY [global]");
    certificates = arguments[2], name = arguments[3], other = arguments[4];
    alarm(2 * LONGEST);
    own_openssl_works();
    if (count > 5) {
        Dl_info own;
        need(dladdr((void *)SSL_CTX_new, &own) && dlopen(own.dli_fname, RTLD_NOW | RTLD_GLOBAL), "no global OpenSSL");
    }
    void *plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL)
        fprintf(stderr, "%s\n", dlerror());
    need(plugin != NULL, "no plugin");
    reload = (int (*)(const char *))dlsym(plugin, "plugin_reload");
    handshake = (int (*)(const char *, const char *))dlsym(plugin, "plugin_handshake");
    need(reload != NULL && handshake != NULL, "no functions in the plugin");

    /* Workers of a host whose plugin has loaded nothing yet: it begins in the worker. */
    wait_for(fork_worker(with_both));
    need(reload(NULL) == 0 && handshake(certificates, name) == 0, "the plugin does not work");
    own_openssl_works();
    wait_for(fork_worker(with_both));

    /* Workers that are forked while threads are inside of the plugin's library. */
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        need(pthread_create(&threads[i], NULL, busy, NULL) == 0, "no thread");
    while (rounds == 0)
        usleep(1000);
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = fork_worker(with_plugin);
    for (int i = 0; i < WORKERS; i++)
        wait_for(workers[i]);
    own_openssl_works();
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    /* The plugin goes as far as the host can tell, and everything else goes on. */
    need(dlclose(plugin) == 0, "the plugin cannot be closed");
    own_openssl_works();
    for (int i = 0; i < WORKERS; i++)
        wait_for(fork_worker(own_openssl_works));
    own_openssl_works();
    printf("host: %s, fine to the end\n", OpenSSL_version(0));
    return 0;
}
