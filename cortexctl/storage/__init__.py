"""Object storage: keys in, bytes out. The only package that knows fsspec, obstore, s3fs, boto3 and botocore.

It is synchronous from outside. Threads, time-outs, retries and locks are in here and nowhere above.
"""
