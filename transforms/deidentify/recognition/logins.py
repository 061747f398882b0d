r"""User names by where they stand: in logs, commands, paths, and beside a site's name.

A name that looks like a word ("ask romana") is found only where its place says that it
is one: "publickey for romana from 10.0.0.1", "github: romana", "mysql -u romana".
"""

from __future__ import annotations

from typing import Final

from .scores import LIKELY, SURE, WEAK

__all__ = ["LOGIN_FORMS", "SITE_GATE"]

_NAME = r"[\w][\w.-]{1,38}(?<![.-])"
_SITE = (
    r"(?:skype|github|gitlab|discord|telegram|insta(?:gram)?|ig|snap(?:chat)?|twitter"
    r"|tik\s?tok|twitch|steam|xbox|psn|venmo|cash\s?app|paypal|reddit|kik|wechat|weibo|line\s?id"
    r"|facebook|fb|linkedin|youtube|mastodon|bluesky|threads|roblox|epic|spotify"
    r"|soundcloud|gamer[\s_-]?tag|battle[\s_.-]?tag|slack|signal|viber|matrix|irc)"
)
SITE_GATE: Final = (
    r"skype|git|discord|telegram|insta|ig|snap|twit|tik|steam|xbox|psn|venmo|cash|paypal"
    r"|reddit|kik|wechat|weibo|line|facebook|fb|link|youtube|mastodon|bluesky|threads"
    r"|roblox|epic|spotify|sound|gamer|battle|slack|signal|viber|matrix|irc"
)
"""What every name of a site holds, for RE2 without regard to case."""
_NOT_ONE = (
    r"(?!(?:a|an|the|this|that|it|my|your|our|his|her|their|me|us|him|them|you|all|any"
    r"|so|down|up|on|off|not|now|no|yes|private|public|broken|hacked|full|dead|here|there|full"
    r"|back|open|closed|new|down|fine|working|banned|available|required|invalid"
    r"|password|user|users|link|below|above|https?|www|in|at|for|with|and|or|to)\b)"
)
_PAGE = (
    r"(?!(?:login|log-?out|logout|signin|sign-?up|signup|register|new|me|self|list|all"
    r"|search|settings|edit|profile|password|reset|count|index|export|import|create"
    r"|update|delete|current|auth|verify|activate|home|admin|api|v\d|orders?|posts?"
    r"|share|sharing|local|bin|lib|name|id|email)\b)"
)
_END = r"(?=\s{0,2}(?:$|[\n,;|)&!?]|/(?!\w)|\.(?:\s|$)|\s[-(x]|\b(?:and|or|if)\b))"
_CLIENT = (
    r"\b(?:mysql\w*|mariadb|psql|pg_dump|docker|podman|curl|wget|ftp|svn|mongo\w*|ldap\w*"
    r"|smbclient|sshpass|helm|az|htpasswd|xfreerdp|rdesktop)\b"
)
_PEER = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[?(?:[0-9a-f]{1,4})?:[0-9a-f:]{2,40})"

LOGIN_FORMS: Final = (
    (
        "before a peer",
        r"\b(?:for|by|user|as|of)\s+(?:invalid\s+user\s+)?[\"'`]?\K"
        + _NAME
        + r"(?=[\"'`]?\s+(?:from|at|@)\s+"
        + _PEER
        + r")",
        SURE,
    ),
    (
        "at a peer",
        r"(?<![\w@./+-])" + _NAME + r"(?=@" + _PEER + r"(?![\w.]*[g-z]))",
        SURE,
    ),
    (
        "access log",
        r"(?:[\d.]{7,15}|[0-9a-f:]{3,39})\s\S{1,40}\s\K[\w][\w.@+-]{1,62}(?=\s\[\d{1,2}/)",
        SURE,
    ),
    ("sudo", r"\bsudo(?:\[\d{1,9}\])?:\s{1,4}\K" + _NAME + r"(?=\s:)", SURE),
    (
        "quoted user",
        r"\b(?:user(?:name)?|login|role|account|member)\s+[\"'`]\K[\w][\w.@+-]{1,62}(?=[\"'`])",
        LIKELY,
    ),
    (
        "option",
        _CLIENT
        + r"[^\n|]{0,80}?\s(?:-u[\s=]?|(?-i:-U)\s?|--user(?:name)?[\s=])[\"']?\K"
        + r"[\w][\w.@+-]{1,62}",
        LIKELY,
    ),
    (
        "before a password",
        r"\b(?:user(?:[\s_-]?name)?|login|use|as|id|account|credentials?)[\s:=]{1,3}[\"'`]?\K"
        + _NOT_ONE
        + r"[\w][\w.@+-]{2,62}(?=[\"'`]?\s{0,2}[,/]?\s{0,2}(?:(?:and|with)\s+)?(?:the\s+|its\s+)?"
        r"(?:password|passwd|pass|pwd|pw)\b)",
        LIKELY,
    ),
    (
        "path of a page",
        r"(?<=[a-z0-9])/(?:(?:in|u|users?|profiles?|people|members?|author|channel|@)/@?|@)\K"
        + _PAGE
        + r"(?=[\w.-]{0,38}[a-z])"
        + _NAME
        + r"(?![\w(])",
        LIKELY,
    ),
    (
        "page of a route",
        r"(?<![\w/.])/(?:u|users?|profiles?|people|members?|author)/@?\K"
        + _PAGE
        + r"(?=[\w.-]{0,38}[a-z])"
        + _NAME
        + r"(?![\w(])",
        LIKELY,
    ),
    (
        "repository",
        r"\b(?:git(?:hub|lab|ea)?|bitbucket|codeberg)[\w.-]{0,40}(?:/|:)\K"
        + _PAGE
        + r"[\w][\w-]{2,38}(?=/[\w.-]{2,})",
        LIKELY,
    ),
    (
        "of a site",
        r"(?<![\w@./-])"
        + _SITE
        + r"(?:[\s_-]{1,2}(?:handle|user[\s_]?name|account|id|name|tag|profile))?"
        r"\s{0,2}[:=]\s{0,2}[\"'@]?\K" + _NOT_ONE + _NAME + _END,
        LIKELY,
    ),
    (
        "my name on a site",
        r"\b(?:my|his|her|their|our)\s+(?:new\s+|other\s+)?"
        + _SITE
        + r"(?:\s+(?:handle|user\s?name|account|id|name|tag))?"
        r"\s{0,2}(?::|=|\bis\b|\bwas\b|['\u2019]s\b)\s{0,2}@?\K" + _NOT_ONE + _NAME,
        LIKELY,
    ),
    (
        "tag",
        r"(?<![\w@./-])(?:gamer|battle)[\s_-]?tag\s+(?:is\s+)?\K" + _NOT_ONE + _NAME,
        LIKELY,
    ),
    (
        "on a site",
        r"\b(?:add|follow|dm|message|msg|find|hit\s+up)\s+@?\K"
        + _NOT_ONE
        + _NAME
        + r"(?=\s+(?:on|at)\s+(?:my\s+)?"
        + _SITE
        + r"\b)",
        LIKELY,
    ),
    (
        "to-do of",
        r"\b(?:todo|fixme|xxx|hack|note)\s?\(@?\K(?=[\w.-]{0,38}[a-z])"
        + _NAME
        + r"(?=\))",
        LIKELY,
    ),
    (
        "owner of a file",
        r"\b(?:chown|chgrp|su|usermod|passwd|useradd|userdel|adduser|deluser|finger|id)\s"
        r"(?:-\S{1,12}\s){0,3}\K(?![-/])" + _NOT_ONE + r"[a-z_](?-i:[a-z0-9_.-]{1,31})"
        r"(?=:[\w.-]{0,31}\s|\s?$)",
        WEAK,
    ),
    (
        "who did it",
        (
            r"^\K(?!(?:someone|somebody|nobody|everyone|everybody|people|who|he|she|it|we|they|you"
            r"|i|no|this|that|facebook|all|none|has|have|just|also|is|was)\b)[\w][\w.-]{2,31}"
            r"(?=\s+(?:commented\s+on|liked\s+(?:this|your|a)|followed\s+you|mentioned\s+you"
            r"|reacted\s+to|shared\s+(?:a|your)|replied\s+to|started\s+following"
            r"|is\s+now\s+following|(?:has\s+)?(?:joined|left)\s+the)\b)"
        ),
        LIKELY,
    ),
    (
        "user and deed",
        (
            r"\b(?:user|member|player)\s+\K(?!(?:experience|interface|data|account|accounts|group"
            r"|groups|agent|story|input|guide|manual|name|names|id|ids|profile|session|table"
            r"|feedback|support|service|has|had|is|was|and|or|who|that|from|says?|said|count"
            r"|base|can|will|must|may|should)\b)[a-z][\w.-]{2,31}(?=\s+(?:says?|said|logged|signed"
            r"|joined|left|reported|failed|created|deleted|uploaded|changed|requested)\b)"
        ),
        LIKELY,
    ),
    (
        "posted by",
        r"\b(?:posted|written|uploaded|shared|submitted|created|reviewed|approved|edited"
        r"|updated|opened|closed|merged|reported|assigned|thanks)\s+(?:by|to)\s+@?\K"
        + _NOT_ONE
        + r"(?=\w{0,31}[\d_])"
        + _NAME,
        LIKELY,
    ),
)
"""Name, pattern and score: part of the user names' recogniser."""
