"""boto3 with signature version 2: writes or reads the objects that standard input names.

radosgw refuses what it signs of a bucket (it signs a slash more than it sends), so that it neither makes nor lists any.
"""
import json
import os
import sys

import boto3
from botocore.config import Config

word, host, bucket = sys.argv[1:]
s3 = boto3.client(
    "s3",
    endpoint_url="http://" + host,
    aws_access_key_id=os.environ["ACCESS_KEY"],
    aws_secret_access_key=os.environ["SECRET_KEY"],
    region_name="default",
    config=Config(signature_version="s3", s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
)


def write(thing):
    about = {"Bucket": bucket, "Key": thing["key"], "Metadata": thing["meta"]}
    if thing["type"]:
        about.update(ContentType=thing["type"], CacheControl="max-age=7")
    with open(thing["file"], "rb") as file:
        if not thing["parts"]:
            s3.put_object(Body=file.read(), **about)
            return
        upload = {"Bucket": bucket, "Key": thing["key"], "UploadId": s3.create_multipart_upload(**about)["UploadId"]}
        parts = [
            {"PartNumber": number, "ETag": s3.upload_part(PartNumber=number, Body=file.read(size), **upload)["ETag"]}
            for number, size in enumerate(thing["parts"], 1)
        ]
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)


def read(thing):
    answer = s3.get_object(Bucket=bucket, Key=thing["key"])
    with open(thing["file"], "wb") as file:
        file.write(answer["Body"].read())
    return {"type": answer["ContentType"], "meta": answer["Metadata"]}


print(json.dumps([{"write": write, "read": read}[word](thing) for thing in json.load(sys.stdin)]))
