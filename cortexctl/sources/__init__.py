"""Where rings are: pods' pages, KV stores and files. The only importer of httpx, and of boto3 for DynamoDB."""
