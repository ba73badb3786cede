#include "harness/cmd_certificates.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/imds/identity.h"
#include "harness/exitcode.h"

#define PEM_MAX (1 << 20)

static const char usage[] =
    "usage: ecsim certificates [signature | pkcs7 | rsa2048]\n\n"
    "Prints the certificates, as PEM, that the instance identity document of the metadata\n"
    "service is checked with: those of EC2 stand in its documentation.\n"
    "    curl -s $ECSIM_IMDS_URL/latest/dynamic/instance-identity/document >document\n"
    "    curl -s $ECSIM_IMDS_URL/latest/dynamic/instance-identity/signature | base64 -d "
    ">signature\n"
    "    ecsim certificates signature | openssl x509 -pubkey -noout >key\n"
    "    openssl dgst -sha256 -verify key -signature signature document\n";

int cmd_certificates(int argc, char **argv)
{
    static const char *const kinds[IMDS_IDENTITY_MAX] = {"signature", "pkcs7", "rsa2048"};
    struct buf out = BUF_INIT(PEM_MAX);
    struct err e = ERR_INIT;
    int r = 0;

    for (int k = 0; k < IMDS_IDENTITY_MAX && argc <= 2 && r == 0; k++)
        if (argc == 1 || str_eq(argv[1], kinds[k]))
            r = imds_identity_certificate((enum imds_identity_kind)k, &out, &e);
    fputs(buf_len(&out) ? buf_str(&out) : usage, buf_len(&out) ? stdout : stderr);
    r = buf_len(&out) ? EXITCODE_PASSED : EXITCODE_USAGE;
    buf_release(&out);
    return r;
}
