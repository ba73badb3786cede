/*
 * The keys behind the instance identity document, part of identity.c.
 *
 * They are no secrets: like EC2's certificates they are the same for years, so that who checks a
 * document can hold the certificate. They sign nothing that anybody trusts.
 */
#include "fakes/imds/identity.h"

const struct imds_identity_key imds_identity_keys[IMDS_IDENTITY_MAX] = {
    [IMDS_IDENTITY_SIGNATURE] =
        {
            .key = "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBALpq3Xd0gq2vGaRUw5ENOGOStsRK"
                   "lQLWZMGi6k1vY3eL7Z/HDVp8UAo1nULlFypqolIoYJ2mEbpsIrmYNgntq8vaL8tgJC5VOOa6XxO9"
                   "tif32cSD2hCXPUUvwp0Cz4arzbWwcOsGXqkzqpZ4F2RKt2lAhUptZbTtUQWU4InpVVD9AgMBAAEC"
                   "gYBmgX7YQcvdv4wFDcsgBrn8Ht+7HhvEHKn4xCG8hMSYJux6UFUqbXMBuiuIbjqHy20IakV+SqQy"
                   "82VA0s7cNMGi/EimDgWLpkYKr48X4UguviMRIS1KhBL+YXnU7WS9WgGtf5UEWQjXGiMbz57fImtb"
                   "a5ojhRcnXmyJVhfRsfhBLQJBAO+OKF2aT4P8A0GBHwlOlP/8EmBHqQzRiNv8tr63a4e0YTd09rSA"
                   "Efb1+uJHSTXj8srPJWbzsJwSraXl6FhNw9MCQQDHNuKpksJz/tR4wxQ8YM+jvKd1z0lKQ0FB627i"
                   "hpRFFr2Xyi2wlyHwbi5SzD44ygQLz6AIerkONJ69ZLFIGiXvAkEAvMAwAgCyInaRQi2w/K5ULJa7"
                   "C+2qv5Th1yP6Aa+YJGb2KrIYKQS4IvSR53TvtGyVQ0OQXtwoDfGRrSPHvLwZTQJAZXT1cQlWUT8K"
                   "NMqdZrajaS9uVdiQ6epgtNLTsTh7EMipHEISjOobldh3bSGp2sA/2UgPp+Hgl3SDF8/NXfw7LwJA"
                   "VXNdzHZmf2sOoVT16YSoJ1YSTbPyFZQOj6o4koADK2cJcopqP2aKyjX/yiibNk8JAdi85OokdzQ5"
                   "/sGqWesoJA==",
            .certificate =
                "MIICSjCCAbOgAwIBAgIUeNHGEEDb6ua+T+kbepaCRE3MIzAwDQYJKoZIhvcNAQELBQAwNjEOMAwG"
                "A1UECgwFZWNzaW0xJDAiBgNVBAMMG2luc3RhbmNlIGlkZW50aXR5IChyc2ExMDI0KTAgFw0yNjEx"
                "MjYxNzE1NDhaGA8yMDUxMDcxODE3MTU0OFowNjEOMAwGA1UECgwFZWNzaW0xJDAiBgNVBAMMG2lu"
                "c3RhbmNlIGlkZW50aXR5IChyc2ExMDI0KTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAumrd"
                "d3SCra8ZpFTDkQ04Y5K2xEqVAtZkwaLqTW9jd4vtn8cNWnxQCjWdQuUXKmqiUihgnaYRumwiuZg2"
                "Ce2ry9ovy2AkLlU45rpfE722J/fZxIPaEJc9RS/CnQLPhqvNtbBw6wZeqTOqlngXZEq3aUCFSm1l"
                "tO1RBZTgielVUP0CAwEAAaNTMFEwHQYDVR0OBBYEFIDN0MGwyX+IAoeb7gs9MmquRyHlMB8GA1Ud"
                "IwQYMBaAFIDN0MGwyX+IAoeb7gs9MmquRyHlMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEL"
                "BQADgYEAfmy5FKT0fLAK6VLVsgSpyVhy5h3m7VfB9Hx+6BXyqJzBbP2ovQzURooCn7Qcz20skelm"
                "5i+pCBHXWqSEGdp2hzV275f8Z6eQULnvdLcweW49Yiq38NGbg1r/8YNGgE8Uhl7OLSVUYKV4e2nS"
                "+rLbVhBUszbcbRtijXHpVpeAbXo=",
        },
    [IMDS_IDENTITY_PKCS7] =
        {
            .key = "MIIBSgIBADCCASsGByqGSM44BAEwggEeAoGBAJhphHNW1HrMyrMS07hX3Gvgn5XR1aHhVkNvxo0c"
                   "wAk5wbcoU6knqUqk+SyTCL4x5RtVJ5XTKCNnzrhaOhQ+z4CKGQJriksUN+yh8OmfXePBmYWTdM//"
                   "eRNd440Gn4winN66HRo0i/mIl64EwreTGS3twp3saf03gQd248bmhU5rAhUAq5oa24SgKyAdXhPl"
                   "+nR6fv2JBukCgYAz/2PqoAv62d7pfu8ifJM+GgWRN0Lq+bIiNSkmqa5NKZWjQ38qUom//AUyAoGx"
                   "dm6y4wrfkkWhPiiKdy+5YWrQdpnqpNcSv1b2J3+AJ7YsHbciDCOdLg8embPFPHWeHa+zy3y3EmSk"
                   "/fsBZ5s6+j4T6O4mfRF9TPfbkHGKN2Zv7wQWAhRd3NZU+lfXKecNmkfXCeeXT0oinA==",
            .certificate =
                "MIIDBDCCAsGgAwIBAgIUEzobsT9f/L1v8FeBr8Wgk8GmeaowCwYJYIZIAWUDBAMCMDIxDjAMBgNV"
                "BAoMBWVjc2ltMSAwHgYDVQQDDBdpbnN0YW5jZSBpZGVudGl0eSAoZHNhKTAgFw0yNjExMjYxNzE1"
                "NDhaGA8yMDUxMDcxODE3MTU0OFowMjEOMAwGA1UECgwFZWNzaW0xIDAeBgNVBAMMF2luc3RhbmNl"
                "IGlkZW50aXR5IChkc2EpMIIBtjCCASsGByqGSM44BAEwggEeAoGBAJhphHNW1HrMyrMS07hX3Gvg"
                "n5XR1aHhVkNvxo0cwAk5wbcoU6knqUqk+SyTCL4x5RtVJ5XTKCNnzrhaOhQ+z4CKGQJriksUN+yh"
                "8OmfXePBmYWTdM//eRNd440Gn4winN66HRo0i/mIl64EwreTGS3twp3saf03gQd248bmhU5rAhUA"
                "q5oa24SgKyAdXhPl+nR6fv2JBukCgYAz/2PqoAv62d7pfu8ifJM+GgWRN0Lq+bIiNSkmqa5NKZWj"
                "Q38qUom//AUyAoGxdm6y4wrfkkWhPiiKdy+5YWrQdpnqpNcSv1b2J3+AJ7YsHbciDCOdLg8embPF"
                "PHWeHa+zy3y3EmSk/fsBZ5s6+j4T6O4mfRF9TPfbkHGKN2Zv7wOBhAACgYBzbST7r3HDW7Gn8x54"
                "AY3vy5c2fFgbg60UNlzwcTvOM+HMArgDJRTvuyL6DKmO5MYIzN8AWoMyEVmidN/nAygjmUtA7Pg0"
                "uDdRDb1BbxtnV2GbxMbPMZCOjNSC8eWnsXwXeLb8K/La77RKqHKUdos79Wl10YreIm6rAkvxFs5R"
                "DqNTMFEwHQYDVR0OBBYEFEPfXK+LIX0yQDJI/zLkAI+F4+zfMB8GA1UdIwQYMBaAFEPfXK+LIX0y"
                "QDJI/zLkAI+F4+zfMA8GA1UdEwEB/wQFMAMBAf8wCwYJYIZIAWUDBAMCAzAAMC0CFQCkjkageMdF"
                "KdugBUWeddMQZvYrTwIUNKATGIcQel8/vhAJHtlESuXVzgU=",
        },
    [IMDS_IDENTITY_RSA2048] =
        {
            .key = "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCm0iYWv3uNyrnk63f77a93uq4s"
                   "Z+fsa1lwdulMobr4k14tIg2gUYtNla9v9+8X3KE88LiF4gqrGBiZl+LsAzaQjehC8ITzK1wSeDFB"
                   "lUhCRaiKe3WTV1UZsEWB8hAFKqb7MgDOXoyDjM9HhB1cHPcIAgxesdODl/2xFS94tuvbRWWGsryR"
                   "n//g2C7gVrKgLwdWLfYTo3kbLQlK8nt7IcfqiYMkjVuYbEqp742cRSbmy/ho2oL3ZKhuW7WPUa2f"
                   "8OoLQgl9VVYtaByGrw968D2KyVswlR47RlTtlcQkSAX8YlQikGKm0jMeDMDxnMFRN7GZggJSXAL1"
                   "SHYI7MvRWJwvAgMBAAECgf8XdXXlvQei6N87UeGNi98g9x+HHxV+KZpqNk6YeCXSzuZvclp4MP9l"
                   "6abCGBuHP39tEmzgZukZJkpPTwyaI9mIemwu/aO0jmRkNIK4tkVzDFinILVoAt/0vNUJcQDPuS/C"
                   "I0X5v1IDLcn4RJvcWDZk6eTTbC5SUw1Z2aDTWOXR77YsGU89V8aJNp+pv2l4iJ87MIJFjLQkd7KQ"
                   "MQCfKZf0f6EAnneKg4LyxhGT8XvX3cYmD9zW2iO7HqJQ1IOM4LumdjuDWBMoK+U1z5uo1NxXA/Th"
                   "woGR8ufr+iZ9mc3pKjBDlLfPhRvBAqvxQTBbezuMBfAw95mPhNv2C3MT6OECgYEA1x8HxVd3AV79"
                   "+9i0xLjp6dNhyBZrCI7+CTzikvI2A8lsvZg+2SV5nqjNzTl5M/oJtlBbudpkSiYalOII0jnJMlZv"
                   "VHRXt6XcUkGsBlj1KmNbT88NxEUCA8wtDK1sLK0Sz46HxkxB66ePsDbP9H8/YQSVxVrklpLH367i"
                   "2Y/vousCgYEAxoV1wwraqgkK13bE83Xg5ks/zkPqZIPazg7aG6QxWKB1EDU11qTc9vDhoXDvEOMo"
                   "iRmpXyYkEwZpMun72LGXew/hw2+OxaI9MjjgxcmFmQvdtscZ7PMICvB2bQbZwFakJRWsS1jfE7zB"
                   "JmX9pOml5baoyanqr74aC9OcXA0T8s0CgYB/LZgxggEYLWmob7iHKO8ZTt/bI+3JVIg5O+aTi2CF"
                   "opqICC73v6EEPLXW42iVYvhE8YMZAFUURSyn4m3mo0UgXltZKaMGLqdvdeXWptbiZXUBXN69rzJ+"
                   "vkHP4eM3EmcxkAkTIdhDEn/vZKhS2rvEhqpoz9CeeE50Hnd8ugypWwKBgQC2AzEIRVBca3P0PqGu"
                   "shokK0Px4pTp2XZoTHeutijEIEGUPaUCCh/JjOrh8MBPlGXa5ZtDcJ3Mj6kuFBdjAthm7RXJ8ONO"
                   "0kQXYsy6qtyBiL6b0Qo1FFIAbZ22snw8+3L9yVQxtOa6mungQcx/QfVnmsRAOTjCLqKEy1xljVwH"
                   "1QKBgQDJ/Jqm/jnKJbkUz2Rk7D5xDzu8B4tF4l8J/7LbMqx0/TcTPJ1hbtjDoVmAGPWbSWlhhJn7"
                   "4Q5wVcB7k1ko4LWRIx+10JmyLXYGuaM1A53lUq4wVaCf4zUQijwJ91xu5gbcIPkm3O58FsL7CQlZ"
                   "r/McPCn8XfABttxH0HzvlYJXbA==",
            .certificate =
                "MIIDTzCCAjegAwIBAgIUXWftNqG4BZw7HGlJ76FVjnOacoAwDQYJKoZIhvcNAQELBQAwNjEOMAwG"
                "A1UECgwFZWNzaW0xJDAiBgNVBAMMG2luc3RhbmNlIGlkZW50aXR5IChyc2EyMDQ4KTAgFw0yNjEx"
                "MjYxNzE1NDhaGA8yMDUxMDcxODE3MTU0OFowNjEOMAwGA1UECgwFZWNzaW0xJDAiBgNVBAMMG2lu"
                "c3RhbmNlIGlkZW50aXR5IChyc2EyMDQ4KTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEB"
                "AKbSJha/e43KueTrd/vtr3e6rixn5+xrWXB26UyhuviTXi0iDaBRi02Vr2/37xfcoTzwuIXiCqsY"
                "GJmX4uwDNpCN6ELwhPMrXBJ4MUGVSEJFqIp7dZNXVRmwRYHyEAUqpvsyAM5ejIOMz0eEHVwc9wgC"
                "DF6x04OX/bEVL3i269tFZYayvJGf/+DYLuBWsqAvB1Yt9hOjeRstCUrye3shx+qJgySNW5hsSqnv"
                "jZxFJubL+GjagvdkqG5btY9RrZ/w6gtCCX1VVi1oHIavD3rwPYrJWzCVHjtGVO2VxCRIBfxiVCKQ"
                "YqbSMx4MwPGcwVE3sZmCAlJcAvVIdgjsy9FYnC8CAwEAAaNTMFEwHQYDVR0OBBYEFAtr40o8jzFd"
                "wFCUD1sgp+CGU7mnMB8GA1UdIwQYMBaAFAtr40o8jzFdwFCUD1sgp+CGU7mnMA8GA1UdEwEB/wQF"
                "MAMBAf8wDQYJKoZIhvcNAQELBQADggEBAAzxvm5twyQhRDw4e37rg3YJaA9S5lq6/TvlKZSyovXA"
                "9ukwg+TM7fSojB/7eLmK/LIkRvh9QpHad2RoY42a+4noPBkmyo3KY/q+yDuvPU3ww8Nm5MielitJ"
                "FsN6D9/WgGGGMcv1plrmhmolWJyV6SBbcqil01uxJdS0Hl/4RtT2oaoeI+rJPTUXCIxnN/0qM66a"
                "s35WLXCgQnFq7ZKErouHjymHGJuo++ZeoIWfahzdUVNG0waXv52NsYSZ/qcmFP5D0nqZQcNvP2kM"
                "mufXXnrl3xXqJ40KuPrurKKoHFW7klA5hReAdXErrrRZPPI1kyrO+7h7pFcJGvg7nZnHNSk=",
        },
};
