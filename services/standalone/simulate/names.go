package simulate

import "strings"

// syllable is one character of an invented name with its reading.
type syllable struct{ zh, en string }

func syllables(text string) []syllable {
	fields := strings.Fields(text)
	list := make([]syllable, 0, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		list = append(list, syllable{fields[i], fields[i+1]})
	}
	return list
}

// Stems of zone names are one character of each list. They are words of poems
// and of given names, without the mountains, rivers, directions and dynasties
// that places are called after.
var (
	firsts = syllables(`霁 ji 霏 fei 翊 yi 翎 ling 珩 heng 珞 luo 琮 cong 璟 jing 瑾 jin 澈 che 澹 dan 湄 mei 泠 leng 漪 yi
		沁 qin 洵 xun 淙 cong 潇 xiao 涟 lian 溯 su 旖 yi 昀 yun 昕 xin 晞 xi 晗 han 曦 xi 皓 hao 皎 jiao 皙 xi 睿 rui
		绮 qi 绡 xiao 缈 miao 纾 shu 绾 wan 聆 ling 蓁 zhen 蔚 wei 薇 wei 蘅 heng 馥 fu 馨 xin 骁 xiao 骐 qi 鹄 hu 鹭 lu
		笙 sheng 筠 yun 篁 huang 箫 xiao 琰 yan 璇 xuan 瑜 yu 璞 pu`)
	seconds = syllables(`澜 lan 霖 lin 曜 yao 翮 he 岑 cen 岚 lan 漩 xuan 渺 miao 濛 meng 溦 wei 烁 shuo 煜 yu 熠 yi 炫 xuan
		灿 can 焕 huan 翔 xiang 翱 ao 翩 pian 翯 he 舒 shu 舟 zhou 笺 jian 笛 di 筝 zheng 弦 xian 韵 yun 韶 shao 弈 yi 砚 yan
		墨 mo 素 su 帛 bo 絮 xu 缦 man 绪 xu 蕴 yun 蕊 rui 芷 zhi 苓 ling 荇 xing 菡 han 萱 xuan 蓓 bei 蕖 qu 藻 zao
		鸢 yuan 鹂 li 鹤 he 鸾 luan 麒 qi 骅 hua 骥 ji 驰 chi`)
)

// MaxZones is how many zones of one dataset can have names of their own.
const MaxZones = 2500

// form is a kind of zone as its name ends.
type form struct{ kind, zh, en string }

var forms = []form{
	{"economic_development_zone", "经济开发区", "Economic Development Zone"},
	{"economic_development_zone", "经济开发区", "Economic Development Zone"},
	{"high_tech_zone", "高新区", "High-tech Zone"},
	{"new_area", "新区", "New Area"},
}

func stem(n int) (zh, en string) {
	a, b := firsts[n/len(seconds)], seconds[n%len(seconds)]
	en = a.en + b.en
	return a.zh + b.zh, strings.ToUpper(en[:1]) + en[1:]
}

// stems is how many there are.
func stems() int { return len(firsts) * len(seconds) }
