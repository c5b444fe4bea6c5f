// Package wechat owns the conversation with WeChat's server API and the opening of the data that a Mini Program hands over.
//
// # One HTTP call, one meaning
//
// Every method of [Client] ends in a value or in an [*Error] whose [Kind] says what the caller may do about it. WeChat answers
// failures with HTTP 200 and an errcode, sends JSON as text/plain, and omits errcode on success; none of that leaves this package.
//
// # What is retried
//
// A login code and a phone code can be spent once. A second request goes out, once and after a random pause, only where the first
// cannot have spent anything: it never got a connection, or WeChat itself answered that it was busy (errcode -1), or it refused
// our access_token. An answer that was lost on the way is reported, never asked for again; the transport is kept from doing so too.
//
// # What is never shown
//
// The AppSecret, codes, openids and tokens travel in URLs, so no URL reaches an error, and answers are scrubbed of the values that
// were sent before their errmsg is kept. The types that carry secrets print themselves as redacted.
//
// # Encrypted data
//
// The encryption of user data has no authentication: whoever can tell a padding error from any other error can forge a phone
// number. So [DecryptPhone] and [DecryptProfile] know one error, [ErrDecrypt], do the same work for each cause, and accept
// nothing but a complete, fresh object with this app's watermark.
package wechat
