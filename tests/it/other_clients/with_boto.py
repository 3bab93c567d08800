"""boto 2.49, which WAL-E uses: writes or reads the objects that standard input names."""
import io
import json
import os
import sys

import boto
from boto.s3.connection import OrdinaryCallingFormat, S3Connection

word, host, bucket = sys.argv[1:]
boto.config.has_section("Boto") or boto.config.add_section("Boto")
boto.config.set("Boto", "num_retries", "0")
host, port = host.split(":")
connection = S3Connection(
    os.environ["ACCESS_KEY"],
    os.environ["SECRET_KEY"],
    host=host,
    port=int(port),
    is_secure=False,
    calling_format=OrdinaryCallingFormat(),
)
bucket = connection.get_bucket(bucket)


def write(thing):
    about = dict(thing["meta"])
    if thing["type"]:
        about.update({"Content-Type": thing["type"], "Cache-Control": "max-age=7"})
    with open(thing["file"], "rb") as file:
        if not thing["parts"]:
            key = bucket.new_key(thing["key"])
            for name, value in about.items():
                key.set_metadata(name, value)
            key.set_contents_from_string(file.read())
            return
        upload = bucket.initiate_multipart_upload(thing["key"], metadata=about)
        for number, size in enumerate(thing["parts"], 1):
            upload.upload_part_from_file(io.BytesIO(file.read(size)), number)
        upload.complete_upload()


def read(thing):
    assert thing["key"] in [key.name for key in bucket.list()]
    key = bucket.get_key(thing["key"])
    key.get_contents_to_filename(thing["file"])
    return {"type": key.content_type, "meta": key.metadata}


print(json.dumps([{"write": write, "read": read}[word](thing) for thing in json.load(sys.stdin)]))
